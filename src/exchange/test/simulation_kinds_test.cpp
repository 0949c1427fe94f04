// SPDX-License-Identifier: Apache-2.0
// Several kinds of source at once, and what goes wrong between them: loss, delay, partitions,
// churn, peers that promise and never send, that send slowly, that die half-way. Each pull must end
// with all blocks, little received twice, and no request left open.
#include <gtest/gtest.h>

#include "simulation.hpp"

namespace accel::exchange {
namespace {

using namespace std::chrono_literals;
using testing::kMiB;
using testing::SimulatedSource;
using testing::Simulation;

void expect_whole(const Simulation& simulation, std::size_t blocks) {
  EXPECT_TRUE(simulation.finished()) << simulation.error().message;
  EXPECT_EQ(simulation.blocks_done(), blocks);
  EXPECT_EQ(simulation.open_requests(), 0U);
  EXPECT_EQ(simulation.scheduler().in_flight_bytes(), 0U);
  EXPECT_LT(simulation.duplicate_share(), 0.02);
}

TEST(SimulationOfKinds, a_peer_a_gateway_and_a_file_host_add_up) {
  const std::vector<SimulatedSource> sources{
      {.bytes_per_second = 2e7, .kind = SourceKind::peer},
      {.bytes_per_second = 1e7, .kind = SourceKind::gateway},
      {.bytes_per_second = 1e7, .kind = SourceKind::file_host}};
  Simulation simulation(1, sources);
  const double seconds = simulation.pull(400, kMiB, 100);
  expect_whole(simulation, 400);
  EXPECT_LT(seconds, 400.0 * kMiB / 4e7 / 0.9);
}

TEST(SimulationOfKinds, equal_peers_add_up) {
  for (const std::size_t count : {1U, 2U, 4U, 8U}) {
    const std::vector<SimulatedSource> sources(count, {.kind = SourceKind::peer});
    Simulation simulation(2, sources);
    const double seconds = simulation.pull(400, kMiB);
    expect_whole(simulation, 400);
    EXPECT_GT(400.0 * kMiB / (1e7 * static_cast<double>(count)) / seconds, 0.95) << count;
  }
}

TEST(SimulationOfKinds, a_peer_that_promises_and_never_sends_costs_one_stall_at_most) {
  Simulation simulation(3, {{.bytes_per_second = 2e7, .kind = SourceKind::peer},
                            {.kind = SourceKind::peer, .promises_only = true}});
  const double seconds = simulation.pull(400, kMiB);
  expect_whole(simulation, 400);
  EXPECT_LT(seconds, 400.0 * kMiB / 2e7 + 2.0);
}

TEST(SimulationOfKinds, a_peer_that_sends_slowly_holds_up_nobody) {
  Simulation simulation(4, {{.bytes_per_second = 2e7, .kind = SourceKind::peer},
                            {.bytes_per_second = 5e3, .kind = SourceKind::peer}});
  const double seconds = simulation.pull(400, kMiB);
  expect_whole(simulation, 400);
  EXPECT_LT(seconds, 400.0 * kMiB / 2e7 * 1.2);
}

TEST(SimulationOfKinds, the_seed_dies_half_way_and_the_rest_finish) {
  Simulation simulation(5, {{.bytes_per_second = 4e7, .dies_at = 3s, .kind = SourceKind::peer},
                            {.bytes_per_second = 1e7, .kind = SourceKind::peer},
                            {.bytes_per_second = 1e7, .kind = SourceKind::gateway}});
  simulation.pull(300, kMiB);
  expect_whole(simulation, 300);
}

TEST(SimulationOfKinds, a_partition_that_heals_is_survived) {
  Simulation simulation(
      6, {{.bytes_per_second = 2e7, .kind = SourceKind::peer, .lost_from = 2s, .lost_until = 9s},
          {.bytes_per_second = 2e6, .kind = SourceKind::gateway}});
  simulation.pull(300, kMiB);
  expect_whole(simulation, 300);
}

TEST(SimulationOfKinds, whoever_comes_later_helps) {
  Simulation simulation(7, {{.bytes_per_second = 5e6, .kind = SourceKind::peer},
                            {.bytes_per_second = 4e7, .kind = SourceKind::peer, .joins_at = 4s}});
  const double seconds = simulation.pull(400, kMiB);
  expect_whole(simulation, 400);
  EXPECT_LT(seconds, 20) << "alone the first takes 84 s";
}

SimulatedSource any_source(SeededRandom& random) {
  SimulatedSource source;
  constexpr SourceKind kKinds[] = {SourceKind::gateway, SourceKind::file_host, SourceKind::peer};
  source.kind = kKinds[random.below(3)];
  source.bytes_per_second = 2e5 * static_cast<double>(1 + random.below(200));
  source.round_trip = std::chrono::milliseconds(1 + random.below(200));
  source.jitter = std::chrono::milliseconds(random.below(100));
  source.loss = static_cast<double>(random.below(3)) * 0.02;
  source.stall = static_cast<double>(random.below(3)) * 0.02;
  source.missing = random.below(4) == 0 ? 0.5 : 0;
  source.lies = random.below(8) == 0;
  source.promises_only = random.below(6) == 0;
  if (random.below(6) == 0) source.bytes_per_second = 3e3;
  if (random.below(4) == 0) source.dies_at = std::chrono::seconds(1 + random.below(20));
  if (random.below(3) == 0) {
    source.lost_from = std::chrono::seconds(random.below(10));
    source.lost_until = source.lost_from + std::chrono::seconds(1 + random.below(30));
  }
  return source;
}

// One honest source has everything, though it may lose a request now and then, and be cut off for
// less than a stall; the others come, go, lie, lag and promise as they like. What had come of a
// block when its source was cut off comes again from another: a window's worth for each cut.
TEST(SimulationOfKinds, a_hundred_networks_end_with_complete_files_and_nothing_left_open) {
  for (std::uint64_t seed = 500; seed < 600; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    std::vector<SimulatedSource> sources(1);
    sources[0].kind = random.below(2) == 0 ? SourceKind::peer : SourceKind::gateway;
    sources[0].bytes_per_second = 1e6 * static_cast<double>(1 + random.below(40));
    sources[0].loss = static_cast<double>(random.below(2)) * 0.02;
    if (random.below(3) == 0) {
      sources[0].lost_from = std::chrono::seconds(random.below(5));
      sources[0].lost_until = sources[0].lost_from + std::chrono::seconds(1 + random.below(7));
    }
    Duration joins{};
    for (std::size_t i = 0, others = random.below(8); i < others; ++i) {
      SimulatedSource source = any_source(random);
      if (random.below(3) == 0) joins += std::chrono::milliseconds(random.below(4000));
      source.joins_at = joins;
      sources.push_back(source);
    }
    Simulation simulation(seed, sources);
    simulation.pull(400, kMiB, 30);
    expect_whole(simulation, 400);
  }
}

// Sizes that nobody knows are learned from what comes: a long link is filled with small blocks.
TEST(SimulationOfKinds, many_small_blocks_of_unknown_size_fill_a_long_link) {
  Simulation simulation(8,
                        {{.bytes_per_second = 1e6, .round_trip = 60ms, .kind = SourceKind::peer}});
  const double seconds = simulation.pull_unknown(4000, 1000);
  expect_whole(simulation, 4000);
  EXPECT_LT(seconds, 4.0 / 0.7) << "4 MB at 1 MB/s";
}

}  // namespace
}  // namespace accel::exchange
