// SPDX-License-Identifier: Apache-2.0
#pragma once
// Appending blocks to packs. A pack that is written to is locked by its writer, so several
// operations and processes write at once, each into its own; the index alone says where a pack
// ends, so what a crash left behind that is overwritten by the next writer. Private to blockstore.
// PackPool: thread-safe. PackSession: one thread. Spec: docs/formats/store.md, "Packs".

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "accel/core/file.hpp"
#include "index.hpp"
#include "layout.hpp"
#include "records.hpp"

namespace accel::blockstore {

using OnStep = std::function<void(std::string_view)>;

struct OpenPack {
  std::uint64_t id = 0;
  UniqueFd fd;  // Locked.
  std::uint64_t committed_end = 0;
  std::uint64_t end = 0;
};

// The packs that this process holds between operations.
class PackPool {
 public:
  PackPool(const Layout& layout, Index& index, OnStep on_step)
      : layout_(layout), index_(index), on_step_(std::move(on_step)) {}

  Result<std::unique_ptr<OpenPack>> acquire();
  void release(std::unique_ptr<OpenPack> pack);
  void close_idle();  // So that gc may rewrite them.
  void step(std::string_view name) const {
    if (on_step_) on_step_(name);
  }

 private:
  Result<std::unique_ptr<OpenPack>> reopen(std::uint64_t id);
  Result<std::unique_ptr<OpenPack>> create();

  const Layout& layout_;
  Index& index_;
  OnStep on_step_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<OpenPack>> idle_;
};

// One operation's appends. Order: append… or reserve… and write_reserved(), sync(), record() inside
// the index transaction, committed(). Without committed() the packs end where they ended before.
class PackSession {
 public:
  explicit PackSession(PackPool& pool) : pool_(pool) {}
  ~PackSession();
  PackSession(const PackSession&) = delete;
  PackSession& operator=(const PackSession&) = delete;

  // Errors: resource_exhausted (disk full), io.
  Result<Place> append(const ipld::Multihash& hash, ByteView block);
  // The same for whoever has many blocks in memory: places first, then the records, which reach the
  // disk without being copied, one system call for a row of them.
  struct Record {
    const ipld::Multihash* hash;  // Borrows.
    ByteView block;
    Place place;
  };
  Result<Place> reserve(const ipld::Multihash& hash, std::size_t block_bytes);
  Status write_reserved(std::span<const Record> records);
  Status sync();  // Everything appended is on disk on return.
  Status record(Txn& txn) const;
  void committed();

 private:
  Status flush();
  Status make_room();
  Status write_row(std::span<const Record> row);

  PackPool& pool_;
  std::vector<std::unique_ptr<OpenPack>> packs_;  // The last one is written to.
  Bytes buffer_;                                  // Of the last pack, not yet written.
};

}  // namespace accel::blockstore
