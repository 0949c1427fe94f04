// SPDX-License-Identifier: Apache-2.0
#pragma once
// A CAR while it is sent: blocks of a selection, large leaves as slices of the files they lie in.

#include "accel/blockstore/dag_selection.hpp"
#include "accel/ipld/car.hpp"
#include "piece_source.hpp"

namespace accel::gateway {

class CarSource final : public PieceSource {
 public:
  // The cursor's end is the CAR's only root.
  CarSource(const blockstore::Store& store, blockstore::DagCursor cursor,
            std::uint64_t piece_bytes);
  Result<Pieces> next() override;

 private:
  Status add(const blockstore::SelectedBlock& block);
  void flush();

  const blockstore::Store& store_;
  blockstore::DagCursor cursor_;
  std::uint64_t piece_bytes_;
  ipld::CarWriter writer_;
  bool started_ = false;
  Bytes text_;
  Pieces pieces_;
  std::uint64_t made_ = 0;  // Bytes of this lot.
};

}  // namespace accel::gateway
