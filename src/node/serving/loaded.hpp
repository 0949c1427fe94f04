// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every kind of model that a node holds in memory has in common. The kinds are in
// loaded_embedder.hpp, loaded_text.hpp, loaded_tensors.hpp and family_run.hpp.

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "accel/blockstore/lease.hpp"
#include "accel/inference/model_pool.hpp"
#include "accel/inference/output_cache.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::inference {
struct SessionInfo;
}

namespace accel::node {

struct Loaded : inference::PooledModel {
  blockstore::Lease lease;  // Keeps its files until this goes.
  std::string name;
  ipld::Cid root;
  std::uint64_t bytes = 0;  // Of the weights.
  // Its outputs that are kept; null where none are (known_outputs.hpp).
  std::unique_ptr<const inference::OutputOwner> outputs;

  // For models.loaded: what it is and runs on, without what the pool knows of it.
  virtual nlohmann::json row() const = 0;

 protected:
  nlohmann::json session_row(std::string_view task, const inference::SessionInfo& session) const;
};

}  // namespace accel::node
