// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include "block_batch.hpp"

namespace accel::blockstore {

Status put_blocks(StoreCore& core, const std::vector<std::pair<ipld::Cid, ByteView>>& blocks,
                  const PutOptions& options) {
  std::vector<BlockRef> batch;
  batch.reserve(blocks.size());
  for (const auto& [cid, block] : blocks) batch.push_back({cid, block});
  ACCEL_CHECK(verify_blocks(*core.hashing, batch, options.stop));
  BlockWriter writer(core, {.is_private = options.is_private});
  ACCEL_CHECK(writer.write(batch));
  return writer.commit();
}

}  // namespace accel::blockstore
