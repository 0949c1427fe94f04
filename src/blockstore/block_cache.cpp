// SPDX-License-Identifier: Apache-2.0
#include "block_cache.hpp"

namespace accel::blockstore {

BlockCache::Entry* BlockCache::Shard::use(const ipld::Multihash& hash) {
  const auto found = by_hash.find(hash);
  if (found == by_hash.end()) return nullptr;
  entries.splice(entries.begin(), entries, found->second);
  return &entries.front();
}

std::shared_ptr<const Bytes> BlockCache::get(const ipld::Multihash& hash) {
  if (limit_bytes_ == 0) return nullptr;
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  const Entry* const entry = shard.use(hash);
  ++(entry == nullptr ? shard.report.misses : shard.report.hits);
  return entry == nullptr ? nullptr : entry->found.block;
}

BlockCache::Found BlockCache::peek(const ipld::Multihash& hash, std::uint64_t last_write) {
  if (limit_bytes_ == 0) return {};
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  const Entry* const entry = shard.use(hash);
  if (entry == nullptr || entry->found.checked_at != last_write) return {};
  ++shard.report.hits;
  return entry->found;
}

void BlockCache::checked(const ipld::Multihash& hash, std::uint64_t write,
                         const Container& container) {
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  const auto found = shard.by_hash.find(hash);
  if (found == shard.by_hash.end() || found->second->found.checked_at >= write) return;
  found->second->found.checked_at = write;
  found->second->found.container = container;
}

void BlockCache::put(const ipld::Multihash& hash, const Bytes& block) {
  if (limit_bytes_ == 0 || block.size() > kMaxBlockBytes) return;
  Shard& shard = shard_of(hash);
  const std::scoped_lock lock(shard.mutex);
  if (shard.by_hash.contains(hash)) return;
  shard.entries.push_front({hash, {std::make_shared<const Bytes>(block), 0, {}}});
  shard.by_hash.emplace(hash, shard.entries.begin());
  shard.report.bytes += block.size() + kEntryBytes;
  while (shard.report.bytes > limit_bytes_ / kShards && !shard.entries.empty()) {
    const Entry& last = shard.entries.back();
    shard.report.bytes -= last.found.block->size() + kEntryBytes;
    shard.by_hash.erase(last.hash);
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
