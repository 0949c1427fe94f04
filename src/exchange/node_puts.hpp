// SPDX-License-Identifier: Apache-2.0
#pragma once
// Verified nodes that wait to be stored, in batches with one sync each: nodes that come while one
// batch is written wait for the next. Private to exchange; lives on the executor of its session.

#include <cstdint>
#include <utility>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "scheduler_types.hpp"

namespace accel::exchange {

class NodePuts {
 public:
  struct Put {
    ipld::Cid cid;
    Bytes block;
    RequestId request = 0;
  };

  // True when nobody is at work: the caller begins to take batches.
  bool add(Put put);
  // The oldest; empty when there is none, and then nobody is at work any more.
  std::vector<Put> next_batch();
  void stored(std::size_t count) { done_ += count; }
  void stop() { working_ = false; }

  std::uint64_t added() const { return added_; }
  std::uint64_t done() const { return done_; }

 private:
  std::vector<Put> waiting_;
  std::uint64_t added_ = 0;
  std::uint64_t done_ = 0;
  bool working_ = false;
};

}  // namespace accel::exchange
