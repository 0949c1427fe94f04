// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every part of the store works with: options, names, index, packs, threads for hashing.
// Owned by Store::Impl, passed by reference; private to blockstore. Thread-safe.

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "accel/blockstore/options.hpp"
#include "block_cache.hpp"
#include "hash_pool.hpp"
#include "index.hpp"
#include "layout.hpp"
#include "pack_writer.hpp"
#include "use_table.hpp"

namespace accel::blockstore {

// Folders below files/ whose names are on disk: one sync for each in a process is enough.
struct SyncedFolders {
  std::mutex mutex;
  std::set<std::string> names;
};

struct StoreCore {
  StoreOptions options;
  Layout layout;
  std::unique_ptr<Index> index;
  std::unique_ptr<PackPool> packs;
  std::unique_ptr<HashPool> hashing;
  std::unique_ptr<BlockCache> cache;
  std::unique_ptr<UseTable> uses;
  std::unique_ptr<SyncedFolders> synced = std::make_unique<SyncedFolders>();

  void step(std::string_view name) const {
    if (options.on_step) options.on_step(name);
  }
};

}  // namespace accel::blockstore
