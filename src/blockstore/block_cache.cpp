// SPDX-License-Identifier: Apache-2.0
#include "block_cache.hpp"

#include <functional>

namespace accel::blockstore {
namespace {

std::string key_of(const ipld::Multihash& hash) { return std::string(as_text(hash.bytes())); }

}  // namespace

BlockCache::Shard& BlockCache::shard_of(const std::string& key) {
  return shards_[std::hash<std::string>{}(key) % kShards];
}

std::optional<Bytes> BlockCache::get(const ipld::Multihash& hash) {
  if (limit_bytes_ == 0) return std::nullopt;
  const std::string key = key_of(hash);
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.by_key.find(key);
  if (found == shard.by_key.end()) {
    ++shard.report.misses;
    return std::nullopt;
  }
  ++shard.report.hits;
  shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
  return found->second->block;
}

void BlockCache::put(const ipld::Multihash& hash, const Bytes& block) {
  if (limit_bytes_ == 0 || block.size() > kMaxBlockBytes) return;
  std::string key = key_of(hash);
  Shard& shard = shard_of(key);
  const std::scoped_lock lock(shard.mutex);
  if (shard.by_key.contains(key)) return;
  shard.entries.push_front({key, block});
  shard.by_key.emplace(std::move(key), shard.entries.begin());
  shard.report.bytes += block.size() + kEntryBytes;
  while (shard.report.bytes > limit_bytes_ / kShards && !shard.entries.empty()) {
    const Entry& last = shard.entries.back();
    shard.report.bytes -= last.block.size() + kEntryBytes;
    shard.by_key.erase(last.key);
    shard.entries.pop_back();
  }
}

CacheReport BlockCache::report() const {
  CacheReport sum;
  sum.limit_bytes = limit_bytes_;
  for (const Shard& shard : shards_) {
    const std::scoped_lock lock(shard.mutex);
    sum.hits += shard.report.hits;
    sum.misses += shard.report.misses;
    sum.bytes += shard.report.bytes;
  }
  return sum;
}

}  // namespace accel::blockstore
