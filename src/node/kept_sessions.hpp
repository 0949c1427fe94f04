// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models that a daemon keeps loaded between runs, the least recently used one is let go first. A
// command in process keeps none. Thread-safe. Ownership: a session in use stays alive by its
// shared_ptr (owners: this cache and the running calls).

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "accel/blockstore/lease.hpp"
#include "accel/models/text_embedder.hpp"
#include "accel/perf/drift.hpp"

namespace accel::node {

// A loaded model with what keeps its files in the store.
struct LoadedModel {
  blockstore::Lease lease;
  std::unique_ptr<models::TextEmbedder> embedder;
  std::mutex drift_mutex;
  perf::DriftDetector drift;

  LoadedModel(blockstore::Lease held, std::unique_ptr<models::TextEmbedder> loaded,
              double remembered_ms)
      : lease(std::move(held)), embedder(std::move(loaded)), drift(remembered_ms) {}
};

class KeptSessions {
 public:
  explicit KeptSessions(std::size_t limit) : limit_(limit) {}

  std::shared_ptr<LoadedModel> find(const std::string& key);
  void keep(const std::string& key, std::shared_ptr<LoadedModel> model);
  void drop(const std::string& key);
  std::size_t size() const;

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<LoadedModel> model;
  };
  std::size_t limit_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // Most recently used first.
};

}  // namespace accel::node
