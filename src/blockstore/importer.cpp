// SPDX-License-Identifier: Apache-2.0
#include "importer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "accel/ipld/file_layout.hpp"
#include "accel/ipld/folder.hpp"
#include "block_reader.hpp"
#include "clone.hpp"
#include "pins.hpp"
#include "quota.hpp"

namespace accel::blockstore {
namespace {

constexpr std::uint64_t kProgressBytes = 8U << 20U;  // Between two reports.
// Files of a folder that are hashed before the first of them is added: more would only keep more
// digests.
constexpr std::size_t kWindowEntries = 512;

tl::unexpected<Error> fail_path(int error_number, std::string_view what,
                                const std::filesystem::path& path) {
  return fail_errno(errc_from_errno(error_number), error_number,
                    fmt::format("Cannot {} {}.", what, path.string()));
}

std::string_view special_name(mode_t mode) {
  if (S_ISSOCK(mode)) return "a socket";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no ordinary file";
}

}  // namespace

Result<AddedRoot> Importer::run(const std::filesystem::path& path) {
  std::error_code error;
  auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  if (!absolute.has_filename()) absolute = absolute.parent_path();  // "folder/"
  ACCEL_CHECK(check_pin_name(options_.name));
  ACCEL_CHECK(ipld::check_profile(options_.profile));
  if (options_.wrap) ACCEL_CHECK(ipld::check_entry_name(absolute.filename().string()));
  ACCEL_CHECK(scan(absolute, 0));
  if (!options_.only_hash && !options_.reference) {
    ACCEL_CHECK(make_room(core_, bytes_total_));
  }
  auto added = attempt(absolute, true);
  if (!added && session_ && session_->lost_reused_block()) added = attempt(absolute, false);
  return added;
}

// What is added for a path: with dereference, what a link leads to.
Result<std::filesystem::path> Importer::source_of(const std::filesystem::path& path) const {
  std::error_code error;
  if (!options_.dereference || !std::filesystem::is_symlink(path, error)) return path;
  auto target = std::filesystem::canonical(path, error);
  if (error) return fail_path(error.value(), "follow the link", path);
  return target;
}

// Finds what cannot be added before anything is copied, and what there is to do.
Status Importer::scan(const std::filesystem::path& given, int depth) {
  ACCEL_TRY(const std::filesystem::path path, source_of(given));
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return fail_path(errno, "add", path);
  if (S_ISLNK(info.st_mode)) return {};
  if (S_ISREG(info.st_mode)) {
    bytes_total_ += static_cast<std::uint64_t>(info.st_size);
    return {};
  }
  if (!S_ISDIR(info.st_mode)) {
    return fail(Errc::unsupported, "{} is {}; only files, folders and symbolic links can be added.",
                path.string(), special_name(info.st_mode));
  }
  if (depth >= kMaxFolderDepth) {
    return fail(Errc::unsupported, "{} lies more than {} folders deep.", path.string(),
                kMaxFolderDepth);
  }
  struct stat own{};
  if (::stat(core_.layout.directory.c_str(), &own) == 0 && own.st_ino == info.st_ino &&
      own.st_dev == info.st_dev) {
    return fail(Errc::invalid_argument, "{} is the store itself and cannot be added to it.",
                path.string());
  }
  ACCEL_TRY(const auto below, entries(path));
  for (const auto& entry : below) ACCEL_CHECK(scan(entry, depth + 1));
  return {};
}

Result<AddedRoot> Importer::attempt(const std::filesystem::path& path, bool reuse) {
  if (!options_.only_hash) session_ = std::make_unique<ImportSession>(core_, reuse);
  files_ = links_out_ = bytes_done_ = bytes_told_ = 0;
  root_ = path;
  ACCEL_TRY(Node root, add_any(path));
  if (options_.wrap) {
    ACCEL_TRY(root, wrapped(path, std::move(root)));
  }
  if (session_) {
    PinRecord pin;
    pin.root = root.cid;
    pin.name = options_.name.empty() ? path.filename().string() : options_.name;
    pin.is_private = options_.is_private;
    pin.bytes = root.dag_bytes;
    pin.added_ns = now_ns(core_);
    ACCEL_CHECK(session_->commit(pin));
  }
  if (options_.on_progress) options_.on_progress({bytes_done_, bytes_total_, path});
  return AddedRoot{root.cid, bytes_done_, files_, links_out_};
}

Result<Importer::Node> Importer::add_any(const std::filesystem::path& given) {
  if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The add was stopped.");
  ACCEL_TRY(const std::filesystem::path path, source_of(given));
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) return fail_path(errno, "add", path);
  if (S_ISLNK(info.st_mode)) return add_symlink(path, meta_of(info));
  if (S_ISDIR(info.st_mode)) return add_folder(path, meta_of(info));
  return add_file(path);
}

// As Kubo stores it: no mode where no bit is set, no nanoseconds where there are none.
ipld::UnixFsMeta Importer::meta_of(const struct ::stat& info) const {
  ipld::UnixFsMeta meta = options_.meta;
  const auto mode = static_cast<std::uint32_t>(info.st_mode) & 07777U;
  if (!meta.mode && options_.preserve_mode && mode != 0) meta.mode = mode;
  if (meta.mtime || !options_.preserve_mtime) return meta;
  meta.mtime = ipld::UnixFsTime{info.st_mtim.tv_sec, {}};
  if (info.st_mtim.tv_nsec > 0) {
    meta.mtime->nanoseconds = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
  }
  return meta;
}

Result<std::vector<std::filesystem::path>> Importer::entries(
    const std::filesystem::path& folder) const {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  std::filesystem::directory_iterator it(folder, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (found.size() == ipld::kMaxHamtEntries) {
      return fail(Errc::resource_exhausted, "{} has more than {} entries, the limit of a folder.",
                  folder.string(), ipld::kMaxHamtEntries);
    }
    if (options_.hidden || !name.starts_with('.')) found.push_back(it->path());
  }
  if (error) return fail_path(error.value(), "list the folder", folder);
  std::sort(found.begin(), found.end());
  return found;
}

Result<Importer::Node> Importer::add_folder(const std::filesystem::path& path,
                                            const ipld::UnixFsMeta& meta) {
  ACCEL_TRY(const auto paths, entries(path));
  std::vector<ipld::DirectoryEntry> children;
  for (std::size_t first = 0; first < paths.size(); first += kWindowEntries) {
    const auto entries =
        std::span(paths).subspan(first, std::min(kWindowEntries, paths.size() - first));
    ACCEL_TRY(Window window, hash_ahead(entries));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      auto added = window[i] ? keep(entries[i], *std::move(window[i])) : add_any(entries[i]);
      ACCEL_TRY(const Node node, std::move(added));
      children.push_back({entries[i].filename().string(), node.cid, node.dag_bytes});
    }
  }
  auto built = build_folder(std::move(children), meta);
  if (built) return built;
  Error error = std::move(built).error();
  error.message = fmt::format("The folder {} cannot be added: {}", path.string(), error.message);
  return fail(std::move(error));
}

Result<Importer::Node> Importer::build_folder(std::vector<ipld::DirectoryEntry> children,
                                              const ipld::UnixFsMeta& meta) {
  const ipld::OnBlock put = [this](const ipld::Cid& cid, ByteView block) {
    return put_block(cid, block);
  };
  ACCEL_TRY(auto built, ipld::build_folder(options_.profile, std::move(children), meta, put));
  return Node{std::move(built.cid), built.dag_bytes};
}

Result<Importer::Node> Importer::wrapped(const std::filesystem::path& path, Node node) {
  return build_folder({{path.filename().string(), std::move(node.cid), node.dag_bytes}},
                      options_.meta);
}

Result<Importer::Node> Importer::add_symlink(const std::filesystem::path& path,
                                             ipld::UnixFsMeta meta) {
  std::error_code error;
  const auto target = std::filesystem::read_symlink(path, error);
  if (error) return fail_path(error.value(), "read the link", path);
  const auto leads_to = (path.parent_path() / target).lexically_normal();
  if (*leads_to.lexically_relative(root_).begin() == "..") ++links_out_;
  meta.mode.reset();  // A link has no permissions of its own.
  ACCEL_TRY(const auto built, ipld::build_symlink(options_.profile, target.string(), meta));
  ACCEL_CHECK(put_block(built.cid, built.block));
  return Node{built.cid, built.dag_bytes};
}

tl::unexpected<Error> Importer::changed(const std::filesystem::path& path) {
  return fail(Errc::unavailable,
              "{} changed while it was being added. Add it again when nothing writes to it.",
              path.string());
}

Result<Importer::OpenSource> Importer::open_source(const std::filesystem::path& path) const {
  // NONBLOCK: a pipe that took the file's place since the scan must not hold us up.
  ACCEL_TRY(UniqueFd fd, open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_path(errno, "stat", path);
  if (!S_ISREG(info.st_mode)) return changed(path);
  ACCEL_TRY(const FileStamp stamp, stamp_of(fd.get()));
  return OpenSource{std::move(fd), stamp, meta_of(info)};
}

Status Importer::check_unchanged(const std::filesystem::path& path,
                                 const OpenSource& source) const {
  ACCEL_TRY(const FileStamp now, stamp_of(source.fd.get()));
  if (now != source.stamp) return changed(path);
  return {};
}

bool Importer::goes_to_a_pack(std::size_t leaves, std::uint64_t bytes,
                              const ipld::UnixFsMeta& meta) const {
  const bool is_leaf = leaves == 1 && options_.profile.shape == ipld::FileShape::balanced;
  const bool is_small = bytes <= kSmallFileBytes && (!options_.reference || bytes == 0);
  // The index can rebuild a leaf around a slice of a file, but not one with metadata.
  return is_leaf && (is_small || !meta.empty());
}

Result<Importer::Node> Importer::add_file(const std::filesystem::path& path) {
  ACCEL_TRY(OpenSource source, open_source(path));
  ++files_;
  ACCEL_TRY(LeafPlan plan,
            LeafPlan::read(options_.profile, source.fd.get(), source.stamp.size, options_.stop));
  auto node = add_open(path, source, std::move(plan));
  if (!node && node.error().code == Errc::corrupt) return changed(path);  // It became shorter.
  return node;
}

Result<Importer::Node> Importer::add_open(const std::filesystem::path& path, OpenSource& source,
                                          LeafPlan plan) {
  const std::uint64_t bytes = source.stamp.size;
  if (goes_to_a_pack(plan.size(), bytes, source.meta)) return add_small(path, source);
  // The index rebuilds leaves in the frame of a balanced file only.
  const bool is_trickle = options_.profile.shape == ipld::FileShape::trickle;
  if (is_trickle && (!options_.profile.raw_leaves || bytes == 0)) {
    return add_blocks(path, source, plan);
  }
  return add_large(path, source, std::move(plan));
}

// As blocks in a pack, for leaves that are no slices of a file to the index.
Result<Importer::Node> Importer::add_blocks(const std::filesystem::path& path,
                                            const OpenSource& source, const LeafPlan& plan) {
  if (options_.reference && source.stamp.size > 0) {
    return fail(Errc::unsupported,
                "{} can't stay where it is as a trickle of wrapped leaves; take --raw-leaves, or "
                "leave --reference out.",
                path.string());
  }
  const auto layout = layout_of_file();
  Bytes payload;
  for (std::size_t i = 0; i < plan.size() && source.stamp.size > 0; ++i) {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The add was stopped.");
    const LeafRange range = plan.at(i);
    payload.resize(range.length);
    ACCEL_CHECK(pread_all(source.fd.get(), payload, range.offset));
    const ipld::Leaf leaf = ipld::make_leaf(options_.profile, payload);
    ACCEL_CHECK(put_block(leaf.cid, ipld::leaf_block(options_.profile, payload)));
    ACCEL_CHECK(layout->add_leaf(leaf));
    count(range.length, path);
  }
  ACCEL_CHECK(check_unchanged(path, source));
  ACCEL_TRY(const ipld::Built built, layout->finish(source.meta));
  return Node{built.root, built.dag_bytes};
}

std::unique_ptr<ipld::FileLayout> Importer::layout_of_file() {
  return ipld::make_layout(options_.profile, [this](const ipld::Cid& cid, ByteView block) {
    return put_block(cid, block);
  });
}

Result<Importer::Node> Importer::add_small(const std::filesystem::path& path,
                                           const OpenSource& source) {
  Bytes payload(source.stamp.size);
  ACCEL_CHECK(pread_all(source.fd.get(), payload, 0));
  ACCEL_CHECK(check_unchanged(path, source));
  const ipld::Leaf leaf = ipld::make_leaf(options_.profile, payload, source.meta);
  ACCEL_CHECK(put_block(leaf.cid, ipld::leaf_block(options_.profile, payload, source.meta)));
  count(payload.size(), path);
  return Node{leaf.cid, leaf.block_bytes};
}

Result<LeafDigests> Importer::copy_and_hash(const std::filesystem::path& path,
                                            const OpenSource& source, const LeafPlan& plan,
                                            const UniqueFd& copy) {
  HashJob job;
  job.plan = &plan;
  job.source_fd = source.fd.get();
  job.file_bytes = source.stamp.size;
  job.profile = &options_.profile;
  job.stop = options_.stop;
  job.on_leaf = [&](std::uint64_t leaf_bytes) { count(leaf_bytes, path); };
  if (copy) {
    if (clone_file(source.fd.get(), copy.get())) {
      job.source_fd = copy.get();  // Nobody can change the clone under our hands.
    } else {
      ACCEL_CHECK(require_room(core_.layout.directory, source.stamp.size, "a copy of the file"));
      job.copy_fd = copy.get();
    }
  }
  return hash_leaves(*core_.hashing, job);
}

Result<Importer::Node> Importer::add_large(const std::filesystem::path& path, OpenSource& source,
                                           LeafPlan plan) {
  std::filesystem::path copy_path;
  UniqueFd copy;
  bool is_same = false;  // The copy is the file itself.
  if (owns_copies()) {
    ACCEL_TRY(copy_path, session_->new_file_path());
    core_.step("file.copy");
    is_same = options_.take_over && ::link(path.c_str(), copy_path.c_str()) == 0;
    ACCEL_TRY(copy, open_file(copy_path, is_same ? O_RDWR : O_RDWR | O_CREAT | O_EXCL));
  }
  if (is_same) {  // A second name is a change of the file's stamp, but not of its bytes.
    ACCEL_TRY(source.stamp, stamp_of(source.fd.get()));
  }
  const UniqueFd none;
  ACCEL_TRY(auto digests, copy_and_hash(path, source, plan, is_same ? none : copy));
  ACCEL_CHECK(check_unchanged(path, source));
  Hashed file{source.stamp, source.meta, std::move(plan), std::move(digests), std::move(copy_path)};
  if (copy) {
    ACCEL_TRY(file.copy_stamp, seal(copy));
  }
  return keep(path, std::move(file));
}

Result<Importer::Node> Importer::keep(const std::filesystem::path& path, Hashed file) {
  ACCEL_TRY(const Node node, build(file));
  if (session_ == nullptr) return node;
  StagedFile staged;
  if (owns_copies()) {
    staged.source = std::move(file.copy);
    staged.record = {node.cid, core_.layout.file_path(node.cid), false, file.copy_stamp, 0};
  } else {
    staged.record = {node.cid, path.string(), true, file.stamp, 0};
  }
  staged.leaf_count = file.digests.size();
  staged.leaf = [profile = options_.profile, plan = std::move(file.plan),
                 digests = std::move(file.digests)](std::size_t index) {
    const LeafRange range = plan.at(index);
    const ipld::LeafFrame frame = ipld::leaf_frame(profile, range.length);
    const auto frame_bytes = static_cast<std::uint32_t>(frame.prefix.size() + frame.suffix.size());
    return StagedLeaf{digests.at(index), range.offset, range.length, range.length + frame_bytes,
                      !profile.raw_leaves};
  };
  ACCEL_CHECK(session_->add_file(std::move(staged)));
  return node;
}

Result<FileStamp> Importer::seal(const UniqueFd& copy) const {
  if (::fchmod(copy.get(), owned_mode(options_.is_private)) != 0) {
    return fail_errno(errc_from_errno(errno), errno, "Cannot make a stored file read-only.");
  }
  return stamp_of(copy.get());
}

Result<Importer::Node> Importer::build(const Hashed& file) {
  const auto layout = layout_of_file();
  for (std::size_t i = 0; i < file.plan.size(); ++i) {
    const LeafRange range = file.plan.at(i);
    const ipld::LeafFrame frame = ipld::leaf_frame(options_.profile, range.length);
    ACCEL_CHECK(
        layout->add_leaf({ipld::leaf_cid(options_.profile, file.digests.at(i)), range.length,
                          range.length + frame.prefix.size() + frame.suffix.size()}));
  }
  ACCEL_TRY(const ipld::Built built, layout->finish(file.meta));
  return Node{built.root, built.dag_bytes};
}

// A block inside its CID needs no place.
Status Importer::put_block(const ipld::Cid& cid, ByteView block) {
  const bool is_inlined = cid.hash().code() == ipld::HashCode::identity;
  return session_ && !is_inlined ? session_->add_block(cid, block) : Status{};
}

void Importer::count(std::uint64_t bytes, const std::filesystem::path& path) {
  const std::scoped_lock lock(progress_mutex_);
  bytes_done_ += bytes;
  if (!options_.on_progress || bytes_done_ < bytes_told_ + kProgressBytes) return;
  bytes_told_ = bytes_done_;
  options_.on_progress({bytes_done_, bytes_total_, path});
}

}  // namespace accel::blockstore
