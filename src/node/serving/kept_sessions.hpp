// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models that a daemon keeps loaded between runs, the least recently used one is let go first. A
// command in process keeps none. Thread-safe. Ownership: a session in use stays alive by its
// shared_ptr (owners: this cache and the running calls).

#include <list>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>

#include "accel/blockstore/lease.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/models/text_embedder.hpp"
#include "accel/perf/candidate.hpp"
#include "serving/drift_watch.hpp"

namespace accel::node {

// How a model came to be run as it is, for requests that take it as it is.
struct KeptChoice {
  std::string policy;  // perf::Policy::key()
  std::string weights_sha256;
  perf::Candidate candidate;
  std::string key;
  double median_ms = 0;
  nlohmann::json explanation;
};

// A loaded model with what keeps its files in the store.
struct LoadedModel {
  std::string name;
  ipld::Cid root;
  std::uint64_t bytes = 0;  // Of the weights.
  KeptChoice choice;
  blockstore::Lease lease;
  std::shared_ptr<const models::TextPipeline> pipeline;  // Owners: this, the embedder, selection.
  std::unique_ptr<models::TextEmbedder> embedder;
  DriftWatch drift;

  LoadedModel(blockstore::Lease held, std::shared_ptr<const models::TextPipeline> prepared,
              std::unique_ptr<inference::Session> session)
      : lease(std::move(held)),
        pipeline(std::move(prepared)),
        embedder(std::make_unique<models::TextEmbedder>(pipeline, std::move(session))) {}
};

class KeptSessions {
 public:
  explicit KeptSessions(std::size_t limit) : limit_(limit) {}

  bool keeps() const { return limit_ > 0; }
  std::shared_ptr<LoadedModel> find(const ipld::Cid& root, const perf::Candidate& candidate);
  // The tokenizer and its settings do not depend on the candidate.
  std::shared_ptr<const models::TextPipeline> pipeline(const ipld::Cid& root) const;
  // What was loaded last of a root under a policy: live requests share it, whatever their lengths,
  // for only requests to one session can be batched.
  std::shared_ptr<LoadedModel> find_live(const ipld::Cid& root, const std::string& policy);
  std::vector<std::shared_ptr<LoadedModel>> all() const;
  void keep(const ipld::Cid& root, const perf::Candidate& candidate,
            std::shared_ptr<LoadedModel> model);
  std::size_t drop(const ipld::Cid& root);  // How many were let go.
  std::size_t size() const;

 private:
  struct Entry {
    ipld::Cid root;
    perf::Candidate candidate;
    std::shared_ptr<LoadedModel> model;
  };
  std::list<Entry>::iterator place_of(const ipld::Cid& root, const perf::Candidate& candidate);

  std::size_t limit_;
  mutable std::mutex mutex_;
  std::list<Entry> entries_;  // Most recently used first.
};

}  // namespace accel::node
