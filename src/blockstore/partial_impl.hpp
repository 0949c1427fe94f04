// SPDX-License-Identifier: Apache-2.0
#pragma once
// The inside of PartialFile. Private to blockstore.

#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include "accel/blockstore/partial_file.hpp"
#include "accel/core/file.hpp"
#include "locks.hpp"
#include "partial_map.hpp"
#include "staged_file.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

struct PartialRequest {
  ipld::Cid root;
  std::uint64_t file_bytes = 0;
  std::vector<LeafSlot> slots;
  bool is_private = false;
  std::stop_token stop = {};  // Of the hashing and copying before the first leaf is taken.
  OwnLock lock = {};          // The root's, if the caller holds it already.
  bool in_part = false;       // Not all of it is coming: room for all is not asked for.
};

class PartialFile::Impl {
 public:
  // Takes the lock, takes up what an earlier attempt left, copies what the store has.
  static Result<std::unique_ptr<Impl>> open(StoreCore& core, PartialRequest request);
  ~Impl();

  using Hashed = PartialFile::Hashed;
  Status write_leaf(std::size_t index, ByteView block, Hashed hashed = Hashed::not_yet);
  Status read(std::uint64_t offset, std::span<std::uint8_t> out) const;
  Status commit();

  const std::vector<LeafSlot>& slots() const { return request_.slots; }
  std::uint64_t file_bytes() const { return request_.file_bytes; }
  bool have(std::size_t index) const;
  std::uint64_t bytes_have() const;
  std::uint64_t bytes_resumed() const { return resumed_; }
  std::uint64_t bytes_copied() const { return copied_; }

 private:
  Impl(StoreCore& core, PartialRequest request)
      : core_(core),
        request_(std::move(request)),
        map_(MapSubject::of(request_.file_bytes, request_.slots)) {}

  Status open_files();
  Status take_back_orphan();
  Status resume();
  Status recheck(const std::vector<std::size_t>& suspects);
  Result<bool> holds(std::size_t index) const;
  Status copy_from_store();
  Result<Bytes> payload_of(std::size_t index, ByteView block);
  Status write_payload(ByteView payload, std::uint64_t offset);
  Status reserve_around(std::uint64_t offset);
  Status mark(std::size_t index);
  Status checkpoint();
  Result<StagedFile> stage();
  Status write_index(std::vector<StagedFile>& files);
  void give_back(const StagedFile& file);

  StoreCore& core_;
  PartialRequest request_;
  UniqueFd part_;
  UniqueFd map_file_;
  std::uint64_t resumed_ = 0;
  std::uint64_t copied_ = 0;
  bool committed_ = false;

  std::mutex write_mutex_;                      // Held for one write.
  std::unordered_set<std::uint64_t> reserved_;  // Pieces with disk blocks. Under write_mutex_.
  std::mutex sync_mutex_;                       // One checkpoint at a time; taken before mutex_.
  mutable std::mutex mutex_;                    // Guards what follows.
  PartialMap map_;
  std::uint64_t have_bytes_ = 0;
  std::uint64_t unsynced_bytes_ = 0;
};

// Whether the DAG below root, whose node blocks are in the store, consists of just these leaves.
// Errors: not_found, corrupt, unsupported.
Status check_slots(const StoreCore& core, const PartialRequest& request);
// The leaves of a file whose blocks are all here. Errors: as Store::read().
Result<PartialRequest> plan_file(const StoreCore& core, const ipld::Cid& root);

}  // namespace accel::blockstore
