// SPDX-License-Identifier: Apache-2.0
#pragma once
// A text encoder that a daemon keeps between runs. Used by run methods.

#include <memory>
#include <nlohmann/json.hpp>

#include "accel/models/text_embedder.hpp"
#include "accel/perf/candidate.hpp"
#include "serving/drift_watch.hpp"
#include "serving/loaded.hpp"

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

struct LoadedEmbedder : Loaded {
  KeptChoice choice;
  std::shared_ptr<const models::TextPipeline> pipeline;  // Owners: this, the embedder, selection.
  std::unique_ptr<models::TextEmbedder> embedder;
  DriftWatch drift;

  LoadedEmbedder(std::shared_ptr<const models::TextPipeline> prepared,
                 std::unique_ptr<inference::Session> session)
      : pipeline(std::move(prepared)),
        embedder(std::make_unique<models::TextEmbedder>(pipeline, std::move(session))) {}

  nlohmann::json row() const override;
};

}  // namespace accel::node
