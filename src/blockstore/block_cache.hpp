// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small blocks in memory, the least recently used go first. A hit saves opening, reading and
// hashing; whether the store still has the block is asked of the index before. Private to
// blockstore. Thread-safe.

#include <array>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/multihash.hpp"

namespace accel::blockstore {

class BlockCache {
 public:
  // Larger blocks would push out many small ones, and gain little.
  static constexpr std::size_t kMaxBlockBytes = 64U << 10U;

  explicit BlockCache(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  std::optional<Bytes> get(const ipld::Multihash& hash);
  void put(const ipld::Multihash& hash, const Bytes& block);
  CacheReport report() const;

 private:
  struct Entry {
    std::string key;
    Bytes block;
  };
  // So that readers of different blocks do not wait for each other.
  struct Shard {
    mutable std::mutex mutex;
    std::list<Entry> entries;  // The most recently used first.
    std::unordered_map<std::string, std::list<Entry>::iterator> by_key;
    CacheReport report;
  };
  static constexpr std::size_t kShards = 16;
  static constexpr std::size_t kEntryBytes = 200;  // What an entry costs beside its block.
  Shard& shard_of(const std::string& key);

  std::uint64_t limit_bytes_;
  std::array<Shard, kShards> shards_;
};

}  // namespace accel::blockstore
