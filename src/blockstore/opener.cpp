// SPDX-License-Identifier: Apache-2.0
#include "opener.hpp"

#include <unistd.h>

#include <charconv>

#include "accel/blockstore/store.hpp"
#include "tables.hpp"
#include "temporary_folder.hpp"

namespace accel::blockstore {
namespace {

constexpr std::string_view kVersionPrefix = "ipfs-accelerate store ";
constexpr std::uint64_t kMaxVersionBytes = 256;

Status check_version(int version, const std::string& where) {
  if (version == kStoreVersion) return {};
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

// The version stands in the index too: a VERSION file that was copied or lost proves nothing.
Status check_index_version(StoreCore& core) {
  ACCEL_TRY(auto version, core.index->query([&](const Txn& txn) {
    return get_number(txn, Table::meta, as_bytes(kVersionKey));
  }));
  if (version) {
    return check_version(static_cast<int>(*version), core.layout.directory.string());
  }
  if (core.options.read_only) {
    return fail(Errc::corrupt, "The store in {} has an empty index.",
                core.layout.directory.string());
  }
  return core.index->write([](Txn& txn) {
    return txn.put(Table::meta, as_bytes(kVersionKey), encode_u64(kStoreVersion));
  });
}

Status open_index(StoreCore& core) {
  ACCEL_TRY(core.index,
            Index::open({core.layout.index(), core.options.map_size, core.options.read_only}));
  return check_index_version(core);
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
    }
    ACCEL_CHECK(open_index(*core));
    if (!version) {
      const std::string text = fmt::format("{}{}\n", kVersionPrefix, kStoreVersion);
      ACCEL_CHECK(write_file_atomic(layout.version(), as_bytes(text)));
    }
    remove_stale_temporaries(layout);
  }
  core->packs = std::make_unique<PackPool>(layout, *core->index, options.on_step);
  core->hashing = std::make_unique<HashPool>(options.hash_threads);
  return core;
}

}  // namespace accel::blockstore
