// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model opened as it is, tensors in and tensors out: what model.infer keeps loaded.

#include <memory>

#include "accel/blockstore/lease.hpp"
#include "accel/inference/session.hpp"

namespace accel::node {

struct LoadedTensors {
  blockstore::Lease lease;  // Keeps its files until this goes.
  std::unique_ptr<inference::Session> session;
};

}  // namespace accel::node
