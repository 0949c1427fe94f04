// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hashes what is stored, all, a sample or one DAG, and checks that pins are whole. Blocks are
// hashed side by side, in pieces of some MiB on all CPUs. Private to blockstore; one object per
// call. Other calls go on meanwhile.

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
  struct Damage {
    ipld::Multihash hash;
    FoundPlace found;
    Error error;
  };
  struct Loaded {
    ipld::Multihash hash;
    FoundPlace found;
    Bytes block;
  };
  using Batch = std::vector<ipld::Multihash>;
  Status verify_all();
  Status verify_dag(const ipld::Cid& root);
  void take_sample(Batch& batch) const;
  Status verify_batch(const Batch& batch);
  Status verify_piece(std::span<const ipld::Multihash> piece);
  Status load(const ipld::Multihash& hash, std::vector<Loaded>& loaded);
  Status hash(std::vector<Loaded>& loaded);
  Status tell(const Damage& damage);
  Status distrust(const Damage& damage);
  Status keep_pace();
  Status verify_pins();
  void add_bad(std::string cid, std::string place, std::string message);

  const StoreCore& core_;
  const VerifyOptions& options_;
  double share_ = 1;  // Of the blocks that are hashed.
  SteadyTime started_;
  std::mutex mutex_;  // Guards report_.
  VerifyReport report_;
};

Result<UsageReport> measure_usage(const StoreCore& core);

}  // namespace accel::blockstore
