// SPDX-License-Identifier: Apache-2.0
// Several threads and several processes on one store.
#include <atomic>
#include <thread>

#include "child_process.hpp"
#include "store_fixture.hpp"

namespace accel::blockstore::test {
namespace {

class Concurrency : public StoreTest {
 protected:
  static void join(std::vector<std::thread>& threads) {
    for (auto& thread : threads) thread.join();
  }
};

TEST_F(Concurrency, threads_put_and_get_blocks) {
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < 25; ++i) {
        const Bytes block =
            random_bytes(t % 2 * 1000 + i, 3000);  // Two threads share their blocks.
        EXPECT_TRUE(store_->put(raw_cid(block), block).has_value());
        EXPECT_EQ(*store_->get(raw_cid(block)), block);
      }
    });
  }
  join(threads);
  EXPECT_EQ(store_->usage()->blocks, 50U);
  expect_sound();
}

TEST_F(Concurrency, threads_add_read_and_unpin_while_gc_runs) {
  for (std::uint64_t t = 0; t < 3; ++t) make_file(fmt::format("file{}", t), t / 2, 3 * kMiB);
  std::atomic<bool> done{false};
  std::thread collector([&] {
    while (!done) EXPECT_TRUE(store_->gc({}).has_value());
  });
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 6; ++i) {
        const auto added = store_->add(work(fmt::format("file{}", t)), {});
        ASSERT_TRUE(added.has_value()) << added.error().to_string();
        const auto lease = store_->lease(added->cid);
        if (!*store_->has(added->cid)) continue;  // The twin has unpinned it.
        std::uint64_t bytes = 0;
        const Status read = store_->read(added->cid, 0, UINT64_MAX, [&](ByteView part) -> Status {
          bytes += part.size();
          return {};
        });
        EXPECT_TRUE(read.has_value()) << read.error().to_string();
        EXPECT_EQ(bytes, 3 * kMiB);
        static_cast<void>(store_->unpin(added->cid));  // Or the twin has.
      }
    });
  }
  join(threads);
  done = true;
  collector.join();
  expect_sound();
}

TEST_F(Concurrency, a_root_that_is_leased_stays_while_others_unpin_and_collect) {
  const Bytes bytes = make_file("model", 5, 3 * kMiB);
  const ipld::Cid root = add("model").cid;
  const auto lease = store_->lease(root);
  std::vector<std::thread> threads;
  threads.emplace_back([&] {
    static_cast<void>(store_->unpin(root));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(store_->gc({}).has_value());
  });
  for (int i = 0; i < 10; ++i) EXPECT_EQ(cat(root), bytes);
  join(threads);
  EXPECT_EQ(cat(root), bytes);
}

TEST_F(Concurrency, only_one_of_several_threads_takes_a_name) {
  std::atomic<int> taken{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      if (store_->kv_put_new("names", "minilm", std::to_string(t))) ++taken;
    });
  }
  join(threads);
  EXPECT_EQ(taken, 1);
}

TEST_F(Concurrency, processes_add_read_unpin_and_collect_side_by_side) {
  const std::string folder = work("").string();
  const std::string store = home().string();
  Child one({"churn", store, folder, "100", "12"});
  Child two({"churn", store, folder, "100", "12"});  // The same files.
  Child three({"churn", store, folder, "300", "12"});
  const Bytes bytes = make_file("mine", 6, 2 * kMiB);
  const ipld::Cid mine = add("mine").cid;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(cat(mine), bytes);
  // "Not pinned" is fine: the twin has unpinned the same file. Nothing else is.
  for (Child* child : {&one, &two, &three}) {
    const int status = child->wait();
    EXPECT_TRUE(status == 0 || status == errc_exit_code(Errc::not_found)) << status;
  }
  expect_sound();
}

}  // namespace
}  // namespace accel::blockstore::test
