// SPDX-License-Identifier: Apache-2.0
#include "../hash_queue.hpp"

#include <gtest/gtest.h>

#include <boost/asio/strand.hpp>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/random.hpp"

namespace accel::exchange {
namespace {

Bytes block_of(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).fill(bytes);
  return bytes;
}

struct Asked {
  Bytes block;
  ipld::Cid cid;
  Result<bool> answer = fail(Errc::internal, "Nobody answered.");
};

Task<void> ask(HashQueue* queue, Asked* asked) {
  auto asking = queue->is_block(asked->cid, asked->block);
  asked->answer = co_await std::move(asking);
  co_return Status{};
}

Task<void> ask_all(HashQueue* queue, std::vector<Asked>* all) {
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup group(executor, "ask");
  for (Asked& one : *all) group.spawn(ask(queue, &one));
  co_return co_await group.join();
}

TEST(HashQueue, tells_true_blocks_from_false_ones_whatever_goes_together) {
  IoThread io;
  OffloadPool pool(3);
  for (const std::size_t jobs : {1U, 2U}) {
    HashQueue queue(pool, jobs);
    std::vector<Asked> all(100);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].block = block_of(1 + i * 331, i);
      all[i].cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(all[i].block));
      if (i % 7 == 3) all[i].block.back() ^= 1U;
    }
    const Executor strand = asio::make_strand(io.executor());
    ASSERT_TRUE(sync_wait(strand, ask_all(&queue, &all)).has_value());
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_TRUE(all[i].answer.has_value()) << i;
      EXPECT_EQ(*all[i].answer, i % 7 != 3) << i;
    }
  }
}

TEST(HashQueue, takes_what_lanes_can_hash) {
  const Bytes block = block_of(10, 1);
  EXPECT_TRUE(HashQueue::takes(ipld::Cid::v0(ipld::sha2_256(block))));
  EXPECT_FALSE(HashQueue::takes(ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_512(block))));
  const auto cut =
      ipld::Multihash::wrap(ipld::HashCode::sha2_256, ipld::sha2_256(block).digest().first(20));
  EXPECT_FALSE(cut && HashQueue::takes(ipld::Cid::v1(ipld::Codec::raw, *cut)));
}

}  // namespace
}  // namespace accel::exchange
