// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hashes what is stored, all or a sample, and checks that pins are whole. Private to blockstore;
// one object per call. Other calls go on meanwhile.

#include <array>
#include <mutex>
#include <span>
#include <vector>

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "dag_walk.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

class Verifier {
 public:
  Verifier(const StoreCore& core, const VerifyOptions& options) : core_(core), options_(options) {}
  Result<VerifyReport> run();

 private:
  Status verify_blocks();
  Status verify_batch(const std::vector<ipld::Multihash>& batch);
  // Hashes blocks side by side; those that are not right this way are looked at one by one.
  using GroupBuffers = std::vector<Bytes>;  // Used again: fresh memory costs more than its hash.
  Status verify_group(std::span<const ipld::Multihash> group, GroupBuffers& buffers);
  Status verify_block(const ipld::Multihash& hash);
  Status verify_pins();
  void add_bad(std::string cid, std::string place, std::string message);

  const StoreCore& core_;
  const VerifyOptions& options_;
  std::uint64_t one_in_ = 1;  // Of so many blocks one is hashed.
  std::array<GroupBuffers, HashPool::kMaxWorkers> buffers_;
  std::mutex mutex_;  // Guards report_.
  VerifyReport report_;
};

Result<UsageReport> measure_usage(const StoreCore& core);

}  // namespace accel::blockstore
