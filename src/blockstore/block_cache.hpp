// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small blocks in memory, the least recently used go first. A hit saves opening, reading and
// hashing; whether the store still has the block is asked of the index before. Private to
// blockstore. Thread-safe.

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/multihash.hpp"
#include "use_table.hpp"

namespace accel::blockstore {

class BlockCache {
 public:
  // Larger blocks would push out many small ones, and gain little.
  static constexpr std::size_t kMaxBlockBytes = kMaxCachedBlockBytes;

  // A block, and what was known of its place when the index was last asked whether it may be
  // served; checked_at 0: it never was.
  struct Found {
    std::shared_ptr<const Bytes> block;
    std::uint64_t checked_at = 0;  // The number of the last write that the answer knew of.
    Container container;
  };

  explicit BlockCache(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // nullptr: it is not here.
  std::shared_ptr<const Bytes> get(const ipld::Multihash& hash);
  // The same, if nothing was written to the index since it said that the block may be served; else
  // nothing, and whoever asks goes elsewhere: that is no miss.
  Found peek(const ipld::Multihash& hash, std::uint64_t last_write);
  void put(const ipld::Multihash& hash, const Bytes& block);
  // The index said at this write that the block may be served.
  void checked(const ipld::Multihash& hash, std::uint64_t write, const Container& container);
  CacheReport report() const;

 private:
  struct Entry {
    ipld::Multihash hash;
    Found found;
  };
  struct HashOf {
    std::size_t operator()(const ipld::Multihash& hash) const {
      return std::hash<std::string_view>{}(as_text(hash.digest()));
    }
  };
  // So that readers of different blocks do not wait for each other.
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // The most recently used first.
    std::unordered_map<ipld::Multihash, std::list<Entry>::iterator, HashOf> by_hash;
    // The entry, which is the most recently used then; nullptr when there is none.
    Entry* use(const ipld::Multihash& hash);
    CacheReport report;
  };
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kEntryBytes = 200;  // What an entry costs beside its block.
  Shard& shard_of(const ipld::Multihash& hash) { return shards_[HashOf{}(hash) % kShards]; }

  std::uint64_t limit_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace accel::blockstore
