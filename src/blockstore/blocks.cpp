// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include "accel/ipld/dag_pb.hpp"
#include "block_reader.hpp"
#include "tables.hpp"

namespace accel::blockstore {
namespace {

struct NewBlock {
  ipld::Multihash hash;
  Place place;
  bool mends = false;  // It is here, but damaged.
};

}  // namespace

Status put_blocks(StoreCore& core, const std::vector<std::pair<ipld::Cid, ByteView>>& blocks,
                  const PutOptions& options) {
  PackSession packs(*core.packs);
  std::vector<NewBlock> added;
  for (const auto& [cid, block] : blocks) {
    if (block.size() > ipld::kMaxBlockBytes) {
      return fail(Errc::resource_exhausted, "Block {} has {} bytes; at most {} are stored.", cid,
                  block.size(), ipld::kMaxBlockBytes);
    }
    ACCEL_CHECK(ipld::verify_block(cid, block));
    if (cid.is_identity()) continue;
    ACCEL_TRY(const auto places, find_places(core, cid));
    if (!places.empty() && read_block(core, cid)) continue;
    ACCEL_TRY(const Place place, packs.append(cid.hash(), block));
    added.push_back({cid.hash(), place, !places.empty()});
  }
  if (added.empty()) return {};
  ACCEL_CHECK(packs.sync());
  const Status written = core.index->write([&](Txn& txn) -> Status {
    for (const NewBlock& block : added) {
      ACCEL_TRY(const bool there, has_block(txn, block.hash));
      if (there && !block.mends) continue;  // Another thread or process was faster.
      ACCEL_CHECK(add_place(txn, block.hash, block.place));
      if (options.is_private) ACCEL_CHECK(txn.put(Table::hidden, block.hash.bytes(), {}));
    }
    ACCEL_CHECK(packs.record(txn));
    core.step("index.commit");
    return {};
  });
  ACCEL_CHECK(written);
  packs.committed();
  core.step("index.committed");
  return {};
}

}  // namespace accel::blockstore
