// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/output_cache.hpp"

#include <cstring>

#include "accel/core/random.hpp"

namespace accel::inference {
namespace {

using tensor::Tensor;

// Beside the elements: nodes of the list and the table, control blocks, shapes. As glibc's
// allocator was seen to take (bench/output_cache), rounded up.
constexpr std::uint64_t kEntryBytes = 256;
constexpr std::uint64_t kTensorBytes = 256;

std::uint64_t cost_of(std::span<const Tensor> outputs) {
  std::uint64_t bytes = kEntryBytes;
  for (const Tensor& output : outputs) bytes += kTensorBytes + output.bytes().size();
  return bytes;
}

// In memory of its own: what an engine gives may keep a whole batch alive. null: there is none.
KeptOutputs copy_of(std::span<const Tensor> outputs) {
  auto copies = std::make_shared<std::vector<Tensor>>();  // Owners: see KeptOutputs.
  copies->reserve(outputs.size());
  for (const Tensor& output : outputs) {
    auto copy = Tensor::zeros(output.dtype(), output.shape());
    if (!copy) return nullptr;
    const auto bytes = output.bytes();
    if (!bytes.empty()) std::memcpy(copy->mutable_bytes().data(), bytes.data(), bytes.size());
    copies->push_back(std::move(*copy));
  }
  return copies;
}

}  // namespace

std::size_t OutputCache::KeyHash::operator()(const OutputKey& key) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, key.data(), sizeof value);
  return value;
}

OutputCache::OutputCache(std::uint64_t budget_bytes, Metrics& metrics)
    : budget_bytes_(budget_bytes),
      hits_(metrics.counter("accel_output_cache_hits_total",
                            "Outputs that were not computed again, for their inputs were known")),
      misses_(metrics.counter("accel_output_cache_misses_total",
                              "Outputs that were looked for and had to be computed")),
      evictions_(metrics.counter("accel_output_cache_evictions_total",
                                 "Entries that went for the room of others")),
      bytes_gauge_(metrics.gauge("accel_output_cache_bytes", "Memory of kept outputs")),
      entries_gauge_(metrics.gauge("accel_output_cache_entries", "Kept outputs")) {
  for (std::uint64_t& part : secret_) part = system_random().next_u64();
}

std::uint64_t OutputCache::bytes() const {
  const std::scoped_lock lock(mutex_);
  return bytes_;
}

std::size_t OutputCache::size() const {
  const std::scoped_lock lock(mutex_);
  return entries_.size();
}

std::uint64_t OutputCache::new_owner() {
  const std::scoped_lock lock(mutex_);
  return ++last_owner_;
}

KeptOutputs OutputCache::find(const OutputKey& key) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    misses_.add();
    return nullptr;
  }
  hits_.add();
  entries_.splice(entries_.begin(), entries_, found->second);
  return entries_.front().outputs;
}

void OutputCache::keep(std::uint64_t owner, const OutputKey& key, std::span<const Tensor> outputs) {
  const std::uint64_t cost = cost_of(outputs);
  if (cost > budget_bytes_ / kLargestPart) return;
  KeptOutputs copies = copy_of(outputs);
  if (!copies) return;
  Entries gone;  // Freed after the lock is let go.
  const std::scoped_lock lock(mutex_);
  if (by_key_.contains(key)) return;  // Another call computed the same meanwhile.
  while (bytes_ + cost > budget_bytes_) {
    take_out(std::prev(entries_.end()), gone);
    evictions_.add();
  }
  entries_.push_front({key, owner, cost, std::move(copies)});
  by_key_.emplace(key, entries_.begin());
  bytes_ += cost;
  publish();
}

void OutputCache::drop(std::uint64_t owner) {
  Entries gone;  // Freed after the lock is let go.
  const std::scoped_lock lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    const auto next = std::next(entry);
    if (entry->owner == owner) take_out(entry, gone);
    entry = next;
  }
  publish();
}

void OutputCache::take_out(Entries::iterator entry, Entries& gone) {
  by_key_.erase(entry->key);
  bytes_ -= entry->bytes;
  gone.splice(gone.begin(), entries_, entry);
}

void OutputCache::publish() {
  bytes_gauge_.set(static_cast<double>(bytes_));
  entries_gauge_.set(static_cast<double>(entries_.size()));
}

void OutputKeyWriter::number(std::uint64_t value) {
  hash_.update({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
}

void OutputKeyWriter::bytes(ByteView part) {
  number(part.size());
  hash_.update(part);
}

void OutputKeyWriter::tensor(const Tensor& value) {
  number(static_cast<std::uint64_t>(value.dtype()));
  number(value.shape().size());
  for (const std::int64_t dim : value.shape()) number(static_cast<std::uint64_t>(dim));
  bytes(value.bytes());
}

OutputKeyWriter OutputUse::begin_key(std::string_view kind) const {
  OutputKeyWriter key;
  for (const std::uint64_t part : cache_.secret_) key.number(part);
  key.number(owner_);
  key.text(scope_);
  key.text(kind);
  return key;
}

KeptOutputs OutputUse::find(const OutputKey& key) {
  KeptOutputs found = cache_.find(key);
  ++(found ? hits_ : misses_);
  return found;
}

}  // namespace accel::inference
