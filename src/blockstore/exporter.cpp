// SPDX-License-Identifier: Apache-2.0
#include "exporter.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "accel/core/random.hpp"
#include "clone.hpp"
#include "leases.hpp"

namespace accel::blockstore {
namespace {

constexpr int kMaxExportDepth = 100;

tl::unexpected<Error> fail_target(std::string_view what, const std::string& shown) {
  const int error = errno;
  return fail_errno(errc_from_errno(error), error, fmt::format("Cannot {} {}.", what, shown));
}

// Gives an entry what its block keeps of mode and time. The set-user-ID and set-group-ID bits stay
// out: whoever made the block does not run programs as who fetches it.
Status apply_meta(int folder, const std::string& name, const ipld::UnixFsMeta& meta) {
  const std::string path = name.empty() ? "." : name;
  if (meta.mode && ::fchmodat(folder, path.c_str(), *meta.mode & 0777U, 0) != 0) {
    return fail_target("set the permissions of", name);
  }
  if (!meta.mtime) return {};
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = meta.mtime->seconds;
  times[1].tv_nsec = meta.mtime->nanoseconds.value_or(0);
  if (::utimensat(folder, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_target("set the time of", name);
  }
  return {};
}

// Removes a tree whose folders may be read-only by now.
void remove_tree(const std::filesystem::path& root) {
  std::error_code ignored;  // The error that led here matters more.
  namespace fs = std::filesystem;
  fs::permissions(root, fs::perms::owner_all, fs::perm_options::add, ignored);
  for (fs::recursive_directory_iterator it(root, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    if (!it->is_directory(ignored) || it->is_symlink(ignored)) continue;
    fs::permissions(it->path(), fs::perms::owner_all, fs::perm_options::add, ignored);
  }
  fs::remove_all(root, ignored);
}

std::string temporary_name() { return ".accel-" + random_hex(system_random(), 8) + ".tmp"; }

}  // namespace

Status Exporter::run(const ipld::Cid& root, const std::filesystem::path& out) {
  const auto lease = take_lease(core_, root);  // Without (a full disk) gc could make this fail.
  std::error_code error;
  auto path = std::filesystem::absolute(out, error).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // "folder/"
  if (error || path.filename().empty()) {
    return fail(Errc::invalid_argument, "{} is no place to write to.", out.string());
  }
  ACCEL_TRY(const UniqueFd folder, open_file(path.parent_path(), O_RDONLY | O_DIRECTORY));
  return write_any(root, {folder.get(), path.filename().string(), path.string(), 0});
}

Status Exporter::write_any(const ipld::Cid& cid, const Target& target) {
  if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The export was stopped.");
  if (cid.codec() == ipld::Codec::raw) return write_file(cid, {}, target);
  ACCEL_TRY(const auto node, load_node(core_, cid));
  switch (node->view.kind) {
    case ipld::NodeKind::raw:
    case ipld::NodeKind::file:
      return write_file(cid, node->view.meta, target);
    case ipld::NodeKind::directory:
    case ipld::NodeKind::hamt:
      return write_folder({cid, node->view}, target);
    case ipld::NodeKind::symlink:
      return write_symlink(node->view, target);
  }
  return fail(Errc::internal, "{} is of no kind that can be written.", cid);
}

Status Exporter::check_free(const Target& target) const {
  struct stat info{};
  if (::fstatat(target.folder, target.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return fail_target("look at", target.shown);
  }
  if (!options_.overwrite) {
    return fail(Errc::already_exists,
                "{} exists already. Name another place, or overwrite it (--force).", target.shown);
  }
  if (S_ISDIR(info.st_mode)) {
    return fail(Errc::already_exists, "{} is a folder and is not replaced by a file.",
                target.shown);
  }
  return {};
}

// Gives a finished temporary entry its name; without overwrite never over something that is there.
Status Exporter::replace(const std::string& temporary, const Target& target) const {
  const unsigned flags = options_.overwrite ? 0U : static_cast<unsigned>(RENAME_NOREPLACE);
  if (::renameat2(target.folder, temporary.c_str(), target.folder, target.name.c_str(), flags) ==
      0) {
    return {};
  }
  if ((errno == EINVAL || errno == ENOSYS) &&
      flags != 0) {  // A file system without NOREPLACE: a link does the same.
    if (::linkat(target.folder, temporary.c_str(), target.folder, target.name.c_str(), 0) == 0) {
      ::unlinkat(target.folder, temporary.c_str(), 0);
      return {};
    }
  }
  auto failed = fail_target("write", target.shown);
  ::unlinkat(target.folder, temporary.c_str(), 0);
  return failed;
}

// The same for a folder. Where there is no NOREPLACE, an empty folder of our own is what the
// finished one may take the place of.
Status Exporter::replace_folder(const std::string& temporary, const Target& target) const {
  const int folder = target.folder;
  if (::renameat2(folder, temporary.c_str(), folder, target.name.c_str(), RENAME_NOREPLACE) == 0) {
    return {};
  }
  const bool lacks_it = errno == EINVAL || errno == ENOSYS;
  if (lacks_it && ::mkdirat(folder, target.name.c_str(), 0755) == 0) {
    if (::renameat(folder, temporary.c_str(), folder, target.name.c_str()) == 0) return {};
    auto failed = fail_target("write", target.shown);
    ::unlinkat(folder, target.name.c_str(), AT_REMOVEDIR);
    return failed;
  }
  return fail_target("write", target.shown);
}

Status Exporter::write_file(const ipld::Cid& cid, const ipld::UnixFsMeta& meta,
                            const Target& target) {
  ACCEL_CHECK(check_free(target));
  const std::string temporary = temporary_name();
  const UniqueFd fd(::openat(target.folder, temporary.c_str(),
                             O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!fd) return fail_target("create a file beside", target.shown);
  Status written = write_content(cid, fd);
  if (written) written = apply_meta(target.folder, temporary, meta);
  if (!written) {
    ::unlinkat(target.folder, temporary.c_str(), 0);
    Error error = std::move(written).error();
    error.message = fmt::format("Cannot write {}: {}", target.shown, error.message);
    return fail(std::move(error));
  }
  return replace(temporary, target);
}

Status Exporter::write_content(const ipld::Cid& cid, const UniqueFd& fd) {
  ACCEL_TRY(const auto whole, open_whole_file(core_, cid));
  if (whole) {
    const std::uint64_t size = whole->record.stamp.size;
    if (!clone_file(whole->fd.get(), fd.get())) {
      ACCEL_CHECK(copy_bytes(whole->fd.get(), fd.get(), size, options_.stop));
    }
    count(size);
    return {};
  }
  std::uint64_t offset = 0;
  return read_file_range(core_, cid, 0, UINT64_MAX, [&](ByteView bytes) -> Status {
    if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The export was stopped.");
    ACCEL_CHECK(pwrite_all(fd.get(), bytes, offset));
    offset += bytes.size();
    count(bytes.size());
    return {};
  });
}

Status Exporter::write_folder(const Folder& from, const Target& target) {
  if (target.depth >= kMaxExportDepth) {
    return fail(Errc::unsupported, "{} lies more than {} folders deep.", target.shown,
                kMaxExportDepth);
  }
  struct stat info{};
  const bool is_new =
      ::fstatat(target.folder, target.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0;
  if (target.depth == 0 && is_new) return write_new_tree(from, target);
  const bool made = ::mkdirat(target.folder, target.name.c_str(), 0755) == 0;
  if (!made && (errno != EEXIST || !options_.overwrite)) {
    return fail_target("create the folder", target.shown);
  }
  return fill_folder(from, target);
}

// The whole tree under another name first, so that an export that fails leaves nothing.
Status Exporter::write_new_tree(const Folder& from, const Target& target) {
  const std::string temporary = temporary_name();
  if (::mkdirat(target.folder, temporary.c_str(), 0755) != 0) {
    return fail_target("create a folder beside", target.shown);
  }
  Status written = fill_folder(from, {target.folder, temporary, target.shown, 0});
  if (written) written = replace_folder(temporary, target);
  if (!written) remove_tree(std::filesystem::path(target.shown).parent_path() / temporary);
  return written;
}

Status Exporter::fill_folder(const Folder& from, const Target& target) {
  const UniqueFd folder(::openat(target.folder, target.name.c_str(),
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return fail_target("write into", target.shown);
  const Status filled =
      each_entry(core_, from.cid, from.view, [&](const ipld::DirectoryEntry& entry) -> Status {
        ACCEL_CHECK(ipld::check_entry_name(entry.name));
        return write_any(entry.cid, {folder.get(), entry.name, target.shown + "/" + entry.name,
                                     target.depth + 1});
      });
  ACCEL_CHECK(filled);
  // Last: what is written into a folder changes its time, and it may be read-only from now on.
  return apply_meta(folder.get(), {}, from.view.meta);
}

Status Exporter::write_symlink(const ipld::NodeView& view, const Target& target) {
  ACCEL_CHECK(check_free(target));
  if (!options_.outside_links && !ipld::link_stays_inside(view.symlink_target, target.depth)) {
    return fail(Errc::permission_denied,
                "The link {} leads out of the folder, to \"{}\"; it is made only when that is "
                "allowed.",
                target.shown, view.symlink_target);
  }
  const std::string temporary = temporary_name();
  if (::symlinkat(view.symlink_target.c_str(), target.folder, temporary.c_str()) != 0) {
    return fail_target("create a link beside", target.shown);
  }
  ipld::UnixFsMeta meta = view.meta;
  meta.mode.reset();
  if (Status set = apply_meta(target.folder, temporary, meta); !set) {
    ::unlinkat(target.folder, temporary.c_str(), 0);
    return set;
  }
  return replace(temporary, target);
}

void Exporter::count(std::uint64_t bytes) {
  bytes_done_ += bytes;
  if (options_.on_progress) options_.on_progress(bytes_done_);
}

}  // namespace accel::blockstore
