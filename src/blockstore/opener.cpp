// SPDX-License-Identifier: Apache-2.0
#include "opener.hpp"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>

#include "accel/blockstore/store.hpp"
#include "accel/core/log.hpp"
#include "tables.hpp"
#include "temporary_folder.hpp"

namespace accel::blockstore {
namespace {

constexpr std::string_view kVersionPrefix = "ipfs-accelerate store ";
constexpr std::uint64_t kMaxVersionBytes = 256;

Status check_version(int version, const std::string& where) {
  if (version >= kOldestStoreVersion && version <= kStoreVersion) return {};
  if (version > kStoreVersion) {
    return fail(Errc::unsupported,
                "The store in {} has format {}, made by a newer version; this one knows format {}. "
                "Update this program, or name another home. Nothing was changed.",
                where, version, kStoreVersion);
  }
  return fail(Errc::corrupt, "The store in {} says that it has format {}, which never existed.",
              where, version);
}

// The version in the file; nothing when there is no file. Errors: corrupt, permission_denied.
Result<std::optional<int>> read_version(const Layout& layout) {
  auto text = read_text_file(layout.version(), kMaxVersionBytes);
  if (!text && text.error().code == Errc::not_found) return std::optional<int>{};
  if (!text) return fail(std::move(text).error());
  std::string_view line = *text;
  int version = 0;
  if (line.starts_with(kVersionPrefix)) {
    line.remove_prefix(kVersionPrefix.size());
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), version);
    const bool ends = error == std::errc() && end != line.data() + line.size() && *end == '\n';
    if (ends) return std::optional<int>(version);
  }
  return fail(Errc::corrupt,
              "{} does not say which format the store has. Restore it, or name "
              "another home.",
              layout.version().string());
}

// A folder that holds other things is somebody's, not a store to be.
Status check_new_folder(const Layout& layout) {
  std::error_code error;
  std::filesystem::directory_iterator it(layout.directory, error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    static constexpr std::string_view kOwn[] = {"open.lock", "index",  "files", "packs",
                                                "partial",   "leases", "tmp"};
    const bool own = std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn) ||
                     name.starts_with("VERSION.");
    if (own) continue;
    return fail(Errc::invalid_argument,
                "{} holds \"{}\" and is no store. Name an empty folder for the store.",
                layout.directory.string(), name);
  }
  return {};
}

Status make_folders(const Layout& layout) {
  for (const auto& folder : {layout.index(), layout.files(), layout.packs(), layout.partial(),
                             layout.leases(), layout.temporary()}) {
    ACCEL_CHECK(make_directories(folder));
  }
  return sync_directory(layout.directory);
}

Result<std::optional<std::uint64_t>> index_version(const StoreCore& core) {
  ACCEL_TRY(auto version, core.index->query([&](const Txn& txn) {
    return get_number(txn, Table::meta, as_bytes(kVersionKey));
  }));
  return version;
}

Status set_index_version(StoreCore& core) {
  return core.index->write([](Txn& txn) {
    return txn.put(Table::meta, as_bytes(kVersionKey), encode_u64(kStoreVersion));
  });
}

// The version stands in the index too: a VERSION file that was copied or lost proves nothing.
Status check_index_version(StoreCore& core) {
  ACCEL_TRY(const auto version, index_version(core));
  if (version) {
    return check_version(static_cast<int>(*version), core.layout.directory.string());
  }
  if (core.options.read_only) {
    return fail(Errc::corrupt, "The store in {} has an empty index.",
                core.layout.directory.string());
  }
  return set_index_version(core);
}

Status open_index(StoreCore& core) {
  ACCEL_TRY(core.index,
            Index::open({core.layout.index(), core.options.map_size, core.options.read_only}));
  return check_index_version(core);
}

Status write_version(const Layout& layout) {
  const std::string text = fmt::format("{}{}\n", kVersionPrefix, kStoreVersion);
  return write_file_atomic(layout.version(), as_bytes(text));
}

// An older program that is at work would not know what this one writes from now on.
Status check_alone(const Layout& layout) {
  if (!is_index_in_use(layout.index())) return {};
  return fail(
      Errc::unavailable,
      "The store in {} is to be brought to format {}, and another process has it open. Stop "
      "that process (a daemon?) and try again.",
      layout.directory.string(), kStoreVersion);
}

// From format 1 to 2: nothing is rewritten, for format 2 only adds (direct pins, leases on what is
// new, last uses); the number keeps older programs away. Order: backup, index, VERSION. A crash in
// between is completed by the next open.
Status migrate(StoreCore& core) {
  const Layout& layout = core.layout;
  ACCEL_TRY(const auto version, index_version(core));
  if (version && *version < static_cast<std::uint64_t>(kStoreVersion)) {
    const auto backup = layout.backup(static_cast<int>(*version));
    const std::filesystem::path unfinished = backup.string() + ".tmp";
    core.step("migrate.backup");
    ACCEL_CHECK(core.index->copy_to(unfinished));
    if (::rename(unfinished.c_str(), backup.c_str()) != 0) {
      return fail_errno(errc_from_errno(errno), errno,
                        fmt::format("Cannot write the backup {}.", backup.string()));
    }
    ACCEL_CHECK(sync_directory(layout.directory));
    core.step("migrate.index");
    ACCEL_CHECK(set_index_version(core));
    log::info("blockstore", "The store has a new format; its old index was kept.",
              {log::field("backup", backup.string())});
  }
  core.step("migrate.version");
  return write_version(layout);
}

}  // namespace

Result<std::unique_ptr<StoreCore>> open_store(const StoreOptions& options) {
  auto core = std::make_unique<StoreCore>();
  core->options = options;
  core->layout.directory = options.directory;
  const Layout& layout = core->layout;
  ACCEL_TRY(auto version, read_version(layout));
  if (version) ACCEL_CHECK(check_version(*version, options.directory.string()));
  if (options.read_only) {
    if (!version) {
      return fail(Errc::not_found, "There is no store in {}.", options.directory.string());
    }
    ACCEL_CHECK(open_index(*core));
  } else {
    ACCEL_CHECK(make_directories(layout.directory));
    ACCEL_TRY(const FileLock lock,
              FileLock::acquire(layout.open_lock(), FileLock::Mode::exclusive, true));
    ACCEL_TRY(version, read_version(layout));  // Another process may have made it meanwhile.
    if (!version) {
      ACCEL_CHECK(check_new_folder(layout));
      ACCEL_CHECK(make_folders(layout));
      ACCEL_CHECK(make_index(layout.index(), layout.temporary() / "index"));
    }
    const bool is_old = version && *version < kStoreVersion;
    if (is_old) ACCEL_CHECK(check_alone(layout));
    ACCEL_CHECK(open_index(*core));
    if (is_old) ACCEL_CHECK(migrate(*core));
    if (!version) ACCEL_CHECK(write_version(layout));
    remove_stale_temporaries(layout);
  }
  core->packs = std::make_unique<PackPool>(layout, *core->index, options.on_step);
  core->hashing = std::make_unique<HashPool>(options.hash_threads);
  core->cache = std::make_unique<BlockCache>(options.cache_bytes);
  core->uses = std::make_unique<UseTable>(*options.clock, options.max_bytes);
  return core;
}

}  // namespace accel::blockstore
