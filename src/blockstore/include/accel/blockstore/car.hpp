// SPDX-License-Identifier: Apache-2.0
#pragma once
// Archives (CAR) in and out of the store: what Store::import_car() and export_car() take and give.
// Plain values. Used by node and gateway. Spec: ipld/specs transport/car.

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::blockstore {

// Bytes of an archive: fills the front of `out` and says how many came; 0 at the end.
using ByteSource = std::function<Result<std::size_t>(std::span<std::uint8_t> out)>;
ByteSource read_from(int fd);  // A file, pipe or socket; must stay open.

struct CarProgress {
  std::uint64_t bytes = 0;  // Of the archive.
  std::uint64_t blocks = 0;
};

struct CarImportOptions {
  bool is_private = false;  // What comes is never served.
  std::stop_token stop = {};
  std::function<void(const CarProgress&)> on_progress = {};  // About every 16 MiB.
};

struct CarImportReport {
  std::vector<ipld::Cid> roots;  // As the header has them; the archive need not hold them.
  int version = 1;
  std::uint64_t blocks = 0;  // Of the archive, repeated and identity ones included.
  std::uint64_t bytes = 0;   // Of these blocks.
  std::uint64_t blocks_new = 0;
  std::uint64_t bytes_new = 0;
  std::uint64_t archive_bytes = 0;
};

struct CarExportOptions {
  int version = 1;       // 2: with an index; the DAG is walked twice, for its size comes first.
  bool partial = false;  // Leaves out what is not here instead of failing.
  std::stop_token stop = {};
  std::function<void(const CarProgress&)> on_progress = {};  // About every 16 MiB.
};

struct CarExportReport {
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;          // Of these blocks.
  std::uint64_t archive_bytes = 0;  // With headers and index.
};

// Where an archive goes: to a file from its current position on, or in pieces of some MiB to a
// function.
struct CarTarget {
  int file = -1;
  std::function<Status(ByteView)> sink = {};
};

struct DagStat {
  std::uint64_t blocks = 0;  // Distinct ones; identity CIDs are none.
  std::uint64_t bytes = 0;
};

}  // namespace accel::blockstore
