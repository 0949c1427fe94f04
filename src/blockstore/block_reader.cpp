// SPDX-License-Identifier: Apache-2.0
#include "block_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "accel/ipld/file_layout.hpp"
#include "pack_format.hpp"

namespace accel::blockstore {
namespace {

constexpr int kMaxLookups = 4;  // gc may move a block between the look-up and the open.
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::int64_t to_ns(const timespec& time) {
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

tl::unexpected<Error> changed_reference(const std::string& path, std::string_view what) {
  return fail(Errc::corrupt,
              "The file {} was added by reference and {} since; its blocks are no longer served. "
              "Add it again, or restore it.",
              path, what);
}

// What a reader of a slice says when the bytes are not what they should be.
tl::unexpected<Error> bad_bytes(const StoreCore& core, const ipld::Cid& cid,
                                const FoundPlace& found, const Error& error) {
  if (found.file && found.file->referenced) {
    return changed_reference(found.file->path, "was changed");
  }
  return fail(Error{Errc::corrupt,
                    fmt::format("Block {} is damaged on disk ({}). Run `ipfs-accelerate verify`, "
                                "remove its root and pull or add it again.",
                                cid, found.describe(core.layout)),
                    error.message});
}

tl::unexpected<Error> named_but_gone(const ipld::Cid& cid, const Error& error) {
  return fail(
      Error{Errc::corrupt,
            fmt::format("The index names a file for block {} that is not there. Run "
                        "`ipfs-accelerate verify`, remove its root and pull or add it again.",
                        cid),
            error.message});
}

Result<Bytes> read_pack_record(const StoreCore& core, const ipld::Cid& cid, const Place& place) {
  ACCEL_TRY(const UniqueFd fd, open_file(core.layout.pack(place.container), O_RDONLY));
  const std::size_t head = record_header_bytes(cid.hash());
  if (place.offset < head) return fail(Errc::corrupt, "The place lies in the pack's header.");
  Bytes bytes(head + place.slice_bytes);
  ACCEL_CHECK(pread_all(fd.get(), bytes, place.offset - head));
  ACCEL_TRY(const PackRecord record, parse_record(bytes));
  if (record.hash != cid.hash() || record.data_bytes != place.slice_bytes) {
    return fail(Errc::corrupt, "The pack holds another block there.");
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(head));
  return bytes;
}

Result<Bytes> read_file_slice(const OpenedFile& file, const Place& place) {
  Bytes payload(place.slice_bytes);
  ACCEL_CHECK(pread_all(file.fd.get(), payload, place.offset));
  if (place.kind == PlaceKind::file) return payload;
  return ipld::leaf_block(ipld::unixfs_v0_2015(), payload);
}

bool may_be_sent(const FoundPlace& found) {
  return found.place.kind != PlaceKind::wrapped && !(found.file && found.file->referenced);
}

Result<BlockPlace> open_place(const StoreCore& core, const ipld::Cid& cid,
                              const FoundPlace& found) {
  core.uses->touch(found.place);
  BlockPlace result;
  result.offset = found.place.offset;
  result.length = found.place.slice_bytes;
  if (found.file) {
    ACCEL_TRY(OpenedFile file, open_stored(core.layout, *found.file));
    if (!file.trusted) {
      return fail(Errc::unsupported,
                  "{} was touched since it was verified; read its blocks one by one.",
                  stored_path(core.layout, *found.file).string());
    }
    result.fd = std::move(file.fd);
    return result;
  }
  ACCEL_TRY(result.fd, open_file(core.layout.pack(found.place.container), O_RDONLY));
  const std::size_t head = record_header_bytes(cid.hash());
  Bytes bytes(head);
  struct stat info{};
  const bool inside = found.place.offset >= head && ::fstat(result.fd.get(), &info) == 0 &&
                      result.offset + result.length <= static_cast<std::uint64_t>(info.st_size);
  if (!inside) return fail(Errc::corrupt, "The pack ends before the block.");
  ACCEL_CHECK(pread_all(result.fd.get(), bytes, found.place.offset - head));
  ACCEL_TRY(const PackRecord record, parse_record(bytes));
  if (record.hash != cid.hash() || record.data_bytes != found.place.slice_bytes) {
    return fail(Errc::corrupt, "The pack holds another block there.");
  }
  return result;
}

}  // namespace

std::string FoundPlace::describe(const Layout& layout) const {
  if (file) return fmt::format("{} at {}", stored_path(layout, *file).string(), place.offset);
  if (place.in_file())
    return fmt::format("file {} of the index, which is not there", place.container);
  return fmt::format("{} at {}", layout.pack(place.container).string(), place.offset);
}

Result<FileStamp> stamp_of(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail_errno(Errc::io, errno, "Cannot stat an open file.");
  FileStamp stamp;
  stamp.size = static_cast<std::uint64_t>(info.st_size);
  stamp.mtime_ns = to_ns(info.st_mtim);
  stamp.ctime_ns = to_ns(info.st_ctim);
  stamp.inode = info.st_ino;
  stamp.device = info.st_dev;
  return stamp;
}

std::filesystem::path stored_path(const Layout& layout, const FileRecord& record) {
  return record.referenced ? std::filesystem::path(record.path) : layout.directory / record.path;
}

Result<OpenedFile> open_stored(const Layout& layout, const FileRecord& record) {
  const auto path = stored_path(layout, record);
  auto fd = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd && record.referenced && fd.error().code == Errc::not_found) {
    return fail(Errc::unavailable,
                "The file {} was added by reference and is gone. Restore it, or add it again.",
                record.path);
  }
  if (!fd) return fail(std::move(fd).error());
  ACCEL_TRY(const FileStamp now, stamp_of(fd->get()));
  OpenedFile file{std::move(*fd), false};
  if (record.referenced) {
    if (now != record.stamp) return changed_reference(record.path, "was changed");
    return file;  // Hashed all the same: a stamp can be forged.
  }
  // A home that was copied or restored has new inodes: then hashes decide. Its device and ctime may
  // change while the file is what it was (another mount, the rename into place).
  file.trusted = now.size == record.stamp.size && now.mtime_ns == record.stamp.mtime_ns &&
                 now.inode == record.stamp.inode;
  return file;
}

Result<std::vector<FoundPlace>> find_places(const Txn& txn, const ipld::Cid& cid) {
  std::vector<FoundPlace> found;
  ACCEL_TRY(const auto places, get_places(txn, cid.hash()));
  for (const Place& place : places) {
    FoundPlace one{place, std::nullopt};
    if (place.in_file()) {
      ACCEL_TRY(one.file, get_file(txn, place.container));
    }
    found.push_back(std::move(one));
  }
  return found;
}

Result<std::vector<FoundPlace>> find_places(const StoreCore& core, const ipld::Cid& cid) {
  ACCEL_TRY(auto found, core.index->query([&](const Txn& txn) { return find_places(txn, cid); }));
  return found;
}

Result<Bytes> read_any_place(const StoreCore& core, const ipld::Cid& cid,
                             const std::vector<FoundPlace>& places) {
  Error last;
  bool gone = false;
  for (const FoundPlace& found : places) {
    auto block = read_place(core, cid, found, false);
    if (block) return block;
    gone = gone || block.error().code == Errc::not_found;
    last = std::move(block).error();
  }
  if (gone) last.code = Errc::not_found;
  return fail(std::move(last));
}

tl::unexpected<Error> no_block(const StoreCore& core, const ipld::Cid& cid) {
  return fail(Errc::not_found, "Block {} is not in the store {}.", cid,
              core.layout.directory.string());
}

Result<LoadedBlock> load_place(const StoreCore& core, const ipld::Cid& cid,
                               const FoundPlace& found) {
  if (found.place.in_file() && !found.file) {
    return bad_bytes(core, cid, found, {Errc::corrupt, "The index lacks the file.", {}});
  }
  core.uses->touch(found.place);
  LoadedBlock loaded;
  Result<Bytes> block;
  if (found.file) {
    ACCEL_TRY(const OpenedFile file, open_stored(core.layout, *found.file));
    loaded.believed = file.trusted;
    block = read_file_slice(file, found.place);
  } else {
    block = read_pack_record(core, cid, found.place);
  }
  if (!block && block.error().code == Errc::corrupt) {
    return bad_bytes(core, cid, found, block.error());
  }
  if (!block) return fail(std::move(block).error());
  loaded.bytes = *std::move(block);
  return loaded;
}

Result<Bytes> read_place(const StoreCore& core, const ipld::Cid& cid, const FoundPlace& found,
                         bool hash) {
  ACCEL_TRY(LoadedBlock loaded, load_place(core, cid, found));
  if (loaded.believed && !hash) return std::move(loaded.bytes);
  if (const Status right = ipld::verify_block(cid, loaded.bytes); !right) {
    if (right.error().code != Errc::corrupt) return fail(right.error());
    return bad_bytes(core, cid, found, right.error());
  }
  return std::move(loaded.bytes);
}

namespace {

// Where a block lies, and whether it may be served, after one write to the index.
struct Looked {
  std::vector<FoundPlace> places;
  bool is_hidden = false;
  std::uint64_t last_write = 0;
};

Result<Looked> look_up(const StoreCore& core, const ipld::Cid& cid) {
  return core.index->query([&](const Txn& txn) -> Result<Looked> {
    ACCEL_TRY(const auto hidden, txn.get(Table::hidden, cid.hash().bytes()));
    ACCEL_TRY(auto places, find_places(txn, cid));
    return Looked{std::move(places), hidden.has_value(), txn.id()};
  });
}

// For cached_public_block(): a block in memory may be served until the next write.
void note_public(const StoreCore& core, const ipld::Cid& cid, const Looked& looked) {
  const auto ours = std::ranges::find_if(looked.places, [](const FoundPlace& one) {
    return !one.place.in_file() || (one.file && !one.file->referenced);
  });
  if (looked.is_hidden || ours == looked.places.end()) return;
  core.cache->checked(cid.hash(), looked.last_write,
                      {ours->place.in_file(), ours->place.container});
}

}  // namespace

Result<Bytes> read_block(const StoreCore& core, const ipld::Cid& cid) {
  if (cid.is_identity()) return to_bytes(cid.hash().digest());
  Error last;
  for (int lookup = 0; lookup < kMaxLookups; ++lookup) {
    ACCEL_TRY(const Looked looked, look_up(core, cid));
    const auto& places = looked.places;
    if (places.empty()) return no_block(core, cid);
    const bool is_small = places.front().place.block_bytes <= BlockCache::kMaxBlockBytes;
    if (is_small) {
      if (const auto cached = core.cache->get(cid.hash())) {
        note_public(core, cid, looked);
        return *cached;
      }
    }
    auto block = read_any_place(core, cid, places);
    if (block && is_small) {
      core.cache->put(cid.hash(), *block);
      note_public(core, cid, looked);
    }
    if (block || block.error().code != Errc::not_found) return block;
    last = std::move(block).error();
  }
  return named_but_gone(cid, last);
}

Result<BlockPlace> locate_block(const StoreCore& core, const ipld::Cid& cid) {
  Error last;
  for (int lookup = 0; lookup < kMaxLookups; ++lookup) {
    ACCEL_TRY(const auto places, find_places(core, cid));
    if (places.empty() && !cid.is_identity()) return no_block(core, cid);
    last = {
        Errc::unsupported, fmt::format("Block {} is no slice of a file; read it whole.", cid), {}};
    bool gone = false;
    for (const FoundPlace& found : places) {
      if (!may_be_sent(found)) continue;
      auto place = open_place(core, cid, found);
      if (place) return place;
      gone = gone || place.error().code == Errc::not_found;
      last = std::move(place).error();
      if (last.code == Errc::corrupt) last = bad_bytes(core, cid, found, last).value();
    }
    if (!gone) return fail(std::move(last));
  }
  return named_but_gone(cid, last);
}

// What was checked stays true until something is written to the index, by whomever. Nothing here
// waits: whether the block may be served after a write, read_block() finds out.
std::shared_ptr<const Bytes> cached_public_block(const StoreCore& core, const ipld::Cid& cid) {
  const auto last_write = core.index->last_write();
  if (!last_write) return nullptr;
  auto found = core.cache->peek(cid.hash(), *last_write);
  if (found.block) core.uses->touch(found.container);
  return std::move(found.block);
}

Result<std::uint64_t> block_size(const StoreCore& core, const ipld::Cid& cid) {
  if (cid.is_identity()) return cid.hash().digest().size();
  std::optional<std::uint64_t> size;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_TRY(const auto places, get_places(txn, cid.hash()));
    if (!places.empty()) size = places.front().block_bytes;
    return {};
  });
  ACCEL_CHECK(looked);
  if (!size) return no_block(core, cid);
  return *size;
}

}  // namespace accel::blockstore
