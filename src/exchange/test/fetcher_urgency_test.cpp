// SPDX-License-Identifier: Apache-2.0
// Two pulls of one fetcher under one limit, over real sockets.
#include <thread>

#include "fetcher_fixture.hpp"

namespace accel::exchange {
namespace {

using testing::FetcherTest;
using testing::noise;
using testing::TestDag;
using testing::TestGateway;

TEST_F(FetcherTest, under_one_limit_what_is_needed_now_comes_first) {
  TestDag copies;
  TestDag model;
  ipld::ImportProfile profile = ipld::unixfs_v1_2025();
  profile.chunk_size = 32U << 10U;  // Few enough for the limit to be what limits.
  const auto copy = copies.add_file(noise(1, 640'000), profile);
  const auto needed = model.add_file(noise(2, 640'000), profile);
  TestGateway behind(copies);
  TestGateway first(model);
  net::HttpClient client(io_.executor());
  Fetcher fetcher(*store_, client, pool_, *clock_, metrics_);
  fetcher.limit(1'000'000);
  PullOptions later = from({behind.url()});
  later.urgency = Urgency::background;
  Result<PullReport> kept = fail(Errc::internal, "It did not run.");
  std::jthread background([&] {
    auto pulling = fetcher.pull(copy.cid, std::move(later));
    kept = sync_wait(io_.executor(), std::move(pulling));
  });
  while (behind.requests() == 0) std::this_thread::yield();
  const auto now = sync_wait(io_.executor(), fetcher.pull(needed.cid, from({first.url()})));
  const std::uint64_t meanwhile = behind.bytes_sent();
  background.join();
  ASSERT_TRUE(now) << now.error().message;
  ASSERT_TRUE(kept) << kept.error().message;
  EXPECT_GT(now->seconds, 0.3);
  // The burst that it had before the other began, and a block on the way.
  EXPECT_LT(meanwhile, 350'000U);
  EXPECT_EQ(kept->bytes_fetched, copies.bytes());
  EXPECT_EQ(now->bytes_fetched, model.bytes());
}

}  // namespace
}  // namespace accel::exchange
