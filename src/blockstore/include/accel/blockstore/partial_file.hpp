// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file that is being fetched: leaves are verified, written at their final place and marked in a
// bitmap, so that a crash costs only what was in flight. Made by Store::begin_file(). Used by
// exchange.
//
// Threads: every call is safe from several threads at once (leaves are written side by side).
// Ownership: holds the root's lock, so no other PartialFile of this root exists in any process;
// must not outlive its Store. Destruction without commit() keeps everything for the next
// begin_file(). Format and crash rules: docs/formats/store.md, "Partial files".

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "accel/blockstore/reports.hpp"
#include "accel/core/bytes.hpp"

namespace accel::blockstore {

class PartialFile {
 public:
  class Impl;
  explicit PartialFile(std::unique_ptr<Impl> impl);
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  const std::vector<LeafSlot>& slots() const;
  bool have(std::size_t index) const;
  std::vector<std::size_t> missing() const;
  bool complete() const;
  std::uint64_t bytes_total() const;
  std::uint64_t bytes_have() const;
  // Of bytes_have(): what begin_file() found in an earlier partial file, and what it copied from
  // other files of this store.
  std::uint64_t bytes_resumed() const;
  std::uint64_t bytes_copied() const;

  // `block` is the block as it travels: for a raw leaf the file bytes themselves, for a wrapped
  // (dag-pb) leaf with its frame. It is hashed before a byte is written. Writing a leaf twice is no
  // error. Errors: corrupt (it is not what the slot's CID names; the message names the leaf),
  // invalid_argument (no such slot), resource_exhausted (disk full), io.
  // by_caller: it has been hashed against just that CID a moment ago, and is not hashed again.
  enum class Hashed : std::uint8_t { not_yet, by_caller };
  Status write_leaf(std::size_t index, ByteView block, Hashed hashed = Hashed::not_yet);

  // File bytes of leaves that are here. Errors: unavailable (one is not), invalid_argument (beyond
  // the end), io.
  Status read(std::uint64_t offset, std::span<std::uint8_t> out) const;

  // Checks that the node blocks of the root (put() before) name just these leaves, makes the data
  // durable, moves it into files/ and indexes it, all or nothing. After success this object only
  // answers questions. Errors: unavailable (leaves are missing), not_found (a node block is),
  // corrupt (the slots are not what the root names), resource_exhausted, io.
  Status commit();

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::blockstore
