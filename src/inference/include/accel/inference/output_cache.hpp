// SPDX-License-Identifier: Apache-2.0
#pragma once
// Outputs of runs by the content of their inputs, so that what was computed once is not computed
// again: bounded in bytes, the least recently used go first. Used by models (vectors of texts),
// CachedSession (tensors) and node, which owns the one cache and says who may use it.
//
// An entry is found by a SHA-256 of all that its outputs depend on, and of whose it is: the loaded
// model (OutputOwner), the caller's scope, and the inputs to the last byte. No two scopes share an
// entry, so that neither an answer nor its time tells one caller what another has asked.
//
// Threads: OutputCache from any; OutputUse and OutputKeyWriter belong to one call. Ownership: what
// is kept is a copy, in memory of its own; what was found stays valid after it has left the cache.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/tensor/tensor.hpp"

namespace accel::inference {

using OutputKey = crypto::Sha256Digest;
// Owners: the cache, and the calls that found it.
using KeptOutputs = std::shared_ptr<const std::vector<tensor::Tensor>>;

class OutputCache {
 public:
  // An entry may take this part of the budget, so that one does not drive out all others.
  static constexpr std::uint64_t kLargestPart = 8;

  // 0: nothing is ever kept. `metrics` must outlive it: accel_output_cache_*.
  OutputCache(std::uint64_t budget_bytes, Metrics& metrics);
  OutputCache(const OutputCache&) = delete;
  OutputCache& operator=(const OutputCache&) = delete;

  bool is_on() const { return budget_bytes_ > 0; }
  std::uint64_t bytes() const;  // Of the entries, with what it takes to keep them.
  std::size_t size() const;

 private:
  friend class OutputOwner;
  friend class OutputUse;

  struct Entry {
    OutputKey key;
    std::uint64_t owner;
    std::uint64_t bytes;
    KeptOutputs outputs;
  };
  using Entries = std::list<Entry>;
  struct KeyHash {  // The key is evenly distributed, and begins with a secret.
    std::size_t operator()(const OutputKey& key) const noexcept;
  };

  std::uint64_t new_owner();
  KeptOutputs find(const OutputKey& key);  // null: it is not here.
  void keep(std::uint64_t owner, const OutputKey& key, std::span<const tensor::Tensor> outputs);
  void drop(std::uint64_t owner);
  // Under the lock: moves an entry to `gone`, which is freed without it.
  void take_out(Entries::iterator entry, Entries& gone);
  void publish();

  const std::uint64_t budget_bytes_;
  // Of this process: nobody can choose inputs whose keys meet in one bucket.
  std::uint64_t secret_[2] = {};
  Counter& hits_;
  Counter& misses_;
  Counter& evictions_;
  Gauge& bytes_gauge_;
  Gauge& entries_gauge_;
  mutable std::mutex mutex_;  // Guards what follows.
  Entries entries_;           // The one used last first.
  std::unordered_map<OutputKey, Entries::iterator, KeyHash> by_key_;
  std::uint64_t bytes_ = 0;
  std::uint64_t last_owner_ = 0;
};

// A loaded model, whose entries go with it. One for each time that a model is loaded, so that the
// engine, its options and the weights need no name.
class OutputOwner {
 public:
  explicit OutputOwner(OutputCache& cache) : cache_(cache), id_(cache.new_owner()) {}
  ~OutputOwner() { cache_.drop(id_); }
  OutputOwner(const OutputOwner&) = delete;
  OutputOwner& operator=(const OutputOwner&) = delete;

 private:
  friend class OutputUse;
  OutputCache& cache_;
  const std::uint64_t id_;
};

// What an entry depends on, part by part. Every part says its length, so that no two lists of parts
// are the same bytes.
class OutputKeyWriter {
 public:
  void number(std::uint64_t value);
  void bytes(ByteView part);
  void text(std::string_view part) { bytes(as_bytes(part)); }
  void tensor(const tensor::Tensor& value);  // Its type, shape and elements.
  OutputKey finish() { return hash_.finish(); }

 private:
  crypto::Sha256 hash_;
};

// What one call takes from the cache and leaves in it.
class OutputUse {
 public:
  // `owner` must outlive it. `scope`: who may find what this call leaves, and whose entries it may
  // find; empty is a scope as any other.
  OutputUse(const OutputOwner& owner, std::string scope)
      : cache_(owner.cache_), owner_(owner.id_), scope_(std::move(scope)) {}

  // To which the inputs are added. `kind` says what the outputs are of them.
  OutputKeyWriter begin_key(std::string_view kind) const;
  KeptOutputs find(const OutputKey& key);  // Counts; null: it has to be computed.
  void keep(const OutputKey& key, std::span<const tensor::Tensor> outputs) {
    cache_.keep(owner_, key, outputs);
  }

  std::size_t hits() const { return hits_; }
  std::size_t misses() const { return misses_; }
  // That was spent on keys, finding and keeping, where CachedSession did it.
  Duration took() const { return took_; }
  void spend(Duration time) { took_ += time; }

 private:
  OutputCache& cache_;
  const std::uint64_t owner_;
  const std::string scope_;
  std::size_t hits_ = 0;
  std::size_t misses_ = 0;
  Duration took_{};
};

}  // namespace accel::inference
