// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hashes blocks as they arrive, several side by side in one core: those that come while a job runs
// go together into the next one. A block that comes alone waits for nobody. Private to exchange;
// lives on the executor of its session, only the hashing runs on the pool.

#include <cstddef>
#include <deque>
#include <vector>

#include "accel/core/async/event.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::exchange {

class HashQueue {
 public:
  // Blocks of one job. More lanes would be faster still, but the first block would wait for the
  // last one, and their bytes would leave the CPU's cache before they are written.
  static constexpr std::size_t kMostAtOnce = 8;

  // jobs: at a time; those that are left of the pool's threads write what was hashed.
  HashQueue(OffloadPool& pool, std::size_t jobs) : pool_(pool), jobs_(jobs) {}
  HashQueue(const HashQueue&) = delete;
  HashQueue& operator=(const HashQueue&) = delete;

  // Whether this class hashes for such a CID; others are verified by whoever writes them.
  static bool takes(const ipld::Cid& cid);
  // Whether the block is what the CID names, which takes() it. `block` must stay until it returns.
  // Errors: those of the pool.
  Task<bool> is_block(ipld::Cid cid, ByteView block);

 private:
  struct Waiting {
    ipld::Cid cid;
    ByteView block;
    Event event;
    Result<bool> result = false;
    bool leads = false;  // It is its turn to run a job.
  };
  static Status hash(const std::vector<Waiting*>& batch);

  OffloadPool& pool_;
  std::size_t jobs_;
  std::size_t running_ = 0;
  std::deque<Waiting*> waiting_;  // They live in the frames of is_block().
};

}  // namespace accel::exchange
