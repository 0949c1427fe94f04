// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model opened as it is, tensors in and tensors out: what model.infer keeps loaded.

#include <memory>
#include <string>

#include "accel/blockstore/lease.hpp"
#include "accel/inference/session.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::node {

struct LoadedTensors {
  blockstore::Lease lease;  // Keeps its files until this goes.
  std::string name;
  ipld::Cid root;
  std::uint64_t bytes = 0;  // Of the weights.
  std::unique_ptr<inference::Session> session;
};

}  // namespace accel::node
