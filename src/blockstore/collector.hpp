// SPDX-License-Identifier: Apache-2.0
#pragma once
// gc: marks what pins, leases and partial files reach, then frees the rest in one transaction.
// Private to blockstore; one object per call, one collector at a time over all processes.
// Spec: docs/formats/store.md, "Garbage collection".

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "accel/blockstore/options.hpp"
#include "accel/blockstore/reports.hpp"
#include "dag_walk.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

class Collector {
 public:
  Collector(StoreCore& core, const GcOptions& options) : core_(core), options_(options) {}
  Result<GcReport> run();

 private:
  // What the sweep is going to do; computed afresh inside its transaction.
  struct DoomedPlace {
    ipld::Multihash hash;
    Place place;
  };
  struct Plan {
    std::map<std::uint64_t, FileRecord> dead_files;
    std::vector<ipld::Multihash> dead_blocks;
    std::map<std::uint64_t, std::uint64_t> dead_in_packs;  // Bytes of them, by pack.
    std::vector<DoomedPlace> moves;  // Live blocks that lie in dead files only.
    std::uint64_t kept = 0;
  };
  // Blocks that phase two copied into packs.
  using Copies = std::map<std::string, Place>;

  Status mark_pins();
  Status mark_live(const Txn& txn);
  Result<Plan> plan(const Txn& txn);
  Result<Plan> plan_all(const Txn& txn) const;
  Status spare_recent(const Txn& txn, const Plan& plan);
  Status plan_block(const ipld::Multihash& hash, const std::vector<Place>& places,
                    Plan& plan) const;
  Status copy_moves(const Plan& plan, PackSession& packs, Copies& copies);
  Status sweep(PackSession& packs, const Copies& copies);
  Status apply(Txn& txn, const Plan& plan, const Copies& copies);
  Status remove_files();
  Status remove_orphans();
  void remove_orphan(const std::filesystem::path& path);
  void tidy_partials();
  bool is_live(const ipld::Multihash& hash) const;

  StoreCore& core_;
  const GcOptions& options_;
  GcReport report_;
  Reached marked_;
  HashSet direct_;  // Blocks that are pinned alone: not as nodes, whose links would count.
  std::uint64_t snapshot_ = 0;                 // The transaction at which this gc began.
  std::uint64_t since_ = 0;                    // Places and files born later are left alone.
  std::unordered_set<std::uint64_t> revived_;  // Files that would be dead, but must stay for now.
  // With free_bytes: what was used too recently to go.
  std::unordered_set<std::uint64_t> spared_files_;
  std::unordered_set<std::uint64_t> spared_packs_;
  std::vector<FileRecord> removed_files_;
};

Result<std::vector<ipld::Cid>> partial_roots(const Layout& layout);
// Removes those that nobody fetches now; says how many.
std::uint64_t remove_abandoned_partials(const Layout& layout);

// Rewrites packs of which less than half is alive. Adds what it frees to the report.
Status compact_packs(StoreCore& core, const GcOptions& options, GcReport& report);

}  // namespace accel::blockstore
