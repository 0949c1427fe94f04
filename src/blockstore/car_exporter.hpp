// SPDX-License-Identifier: Apache-2.0
#pragma once
// From DAGs to an archive, depth first, each CID once. Slices of owned files are believed, as
// readers believe them; other blocks are hashed side by side in a window before it goes out.
// Private to blockstore; one object per call.

#include <optional>
#include <string>
#include <vector>

#include "accel/blockstore/car.hpp"
#include "accel/ipld/car.hpp"
#include "block_reader.hpp"
#include "dag_walk.hpp"
#include "store_core.hpp"

namespace accel::blockstore {

class CarExporter {
 public:
  CarExporter(const StoreCore& core, const CarExportOptions& options)
      : core_(core), options_(options) {}
  Result<CarExportReport> run(const std::vector<ipld::Cid>& roots, const CarTarget& target);

 private:
  // A block in the window that is not verified yet.
  struct Unverified {
    ipld::Cid cid;
    std::size_t at = 0;  // In the window.
    std::size_t bytes = 0;
  };
  struct OpenContainer {
    bool is_file = false;
    std::uint64_t id = 0;
    OpenedFile file;
  };
  Status walk(const std::vector<ipld::Cid>& roots, const DagWalk::Visit& visit) const;
  Status begin(const std::vector<ipld::Cid>& roots);
  Status measure(const std::vector<ipld::Cid>& roots, ipld::CarV2Header& header) const;
  Status add(const Visited& visited);
  Status add_slice(const Visited& visited, const FoundPlace& found);
  Result<const OpenedFile*> open_container(const FoundPlace& found);
  Status append_checked(const ipld::Cid& cid, std::uint64_t bytes);
  Status append(ByteView bytes);
  Status reserve(std::size_t bytes);
  std::span<std::uint8_t> extend(std::size_t bytes);
  Status flush();
  Status verify_window();
  Status send(ByteView bytes);

  const StoreCore& core_;
  const CarExportOptions& options_;
  CarTarget target_;
  ipld::CarWriter writer_;
  CarExportReport report_;
  std::optional<OpenContainer> open_;  // The last one: blocks of a file follow each other.
  Bytes window_;                       // Memory; what is to be sent lies before end_.
  std::size_t end_ = 0;
  Bytes head_;
  std::vector<Unverified> unverified_;
};

Result<DagStat> count_dag(const StoreCore& core, const std::vector<ipld::Cid>& roots,
                          const std::stop_token& stop);

}  // namespace accel::blockstore
