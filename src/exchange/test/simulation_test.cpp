// SPDX-License-Identifier: Apache-2.0
// The scheduler against a simulated network: every pull must end complete, with few bytes received
// twice, in a time that is close to what the rates allow.
#include "simulation.hpp"

#include <gmock/gmock.h>

namespace accel::exchange {
namespace {

using namespace std::chrono_literals;
using testing::kMiB;
using testing::SimulatedSource;
using testing::Simulation;

double share_of_ideal(const std::vector<SimulatedSource>& sources, std::size_t blocks,
                      double seconds) {
  double rate = 0;
  for (const auto& source : sources) rate += source.bytes_per_second;
  return static_cast<double>(blocks * kMiB) / rate / seconds;
}

TEST(Simulation, equal_sources_add_up) {
  for (const std::size_t count : {1U, 2U, 4U, 8U}) {
    const std::vector<SimulatedSource> sources(count, SimulatedSource{});
    Simulation simulation(1, sources);
    const double seconds = simulation.pull(400, kMiB);
    EXPECT_TRUE(simulation.finished());
    EXPECT_GT(share_of_ideal(sources, 400, seconds), 0.95) << count << " sources, " << seconds;
    EXPECT_LT(simulation.duplicate_share(), 0.02);
  }
}

TEST(Simulation, unequal_sources_add_up_too) {
  std::vector<SimulatedSource> sources;
  for (const double factor : {1.0, 2.0, 4.0, 8.0}) {
    sources.push_back({.bytes_per_second = 2e6 * factor});
  }
  Simulation simulation(2, sources);
  const double seconds = simulation.pull(400, kMiB);
  EXPECT_TRUE(simulation.finished());
  EXPECT_GT(share_of_ideal(sources, 400, seconds), 0.95) << seconds;
  EXPECT_LT(simulation.duplicate_share(), 0.02);
}

TEST(Simulation, a_long_link_is_filled) {
  const std::vector<SimulatedSource> sources{{.bytes_per_second = 12.5e6, .round_trip = 60ms}};
  Simulation simulation(3, sources);
  const double seconds = simulation.pull(200, kMiB);
  EXPECT_GT(share_of_ideal(sources, 200, seconds), 0.9) << seconds;
}

TEST(Simulation, a_hopeless_source_costs_almost_nothing) {
  const std::vector<SimulatedSource> sources{{.bytes_per_second = 5e7},
                                             {.bytes_per_second = 2e4, .round_trip = 300ms}};
  Simulation simulation(4, sources);
  const double seconds = simulation.pull(400, kMiB);
  EXPECT_TRUE(simulation.finished());
  EXPECT_GT(share_of_ideal({sources[0]}, 400, seconds), 0.9) << seconds;
  EXPECT_LT(simulation.duplicate_share(), 0.02);
}

TEST(Simulation, the_death_of_the_best_source_half_way_is_survived) {
  Simulation simulation(5, {{.bytes_per_second = 5e7, .dies_at = 2s}, {.bytes_per_second = 1e7}});
  simulation.pull(300, kMiB);
  EXPECT_TRUE(simulation.finished());
  EXPECT_EQ(simulation.blocks_done(), 300U);
}

TEST(Simulation, the_last_source_dies_and_the_error_names_all) {
  Simulation simulation(6, {{.dies_at = 1s}, {.lies = true}});
  simulation.pull(300, kMiB);
  EXPECT_FALSE(simulation.finished());
  EXPECT_THAT(simulation.error().message, ::testing::HasSubstr("http://source-0 was given up"));
  EXPECT_THAT(simulation.error().message, ::testing::HasSubstr("http://source-1 was struck off"));
}

TEST(Simulation, memory_stays_within_the_limit) {
  Simulation simulation(
      7, std::vector<SimulatedSource>(12, {.bytes_per_second = 1e8, .round_trip = 200ms}));
  simulation.pull(1500, kMiB);
  EXPECT_TRUE(simulation.finished());
  EXPECT_LE(simulation.most_in_flight(), SchedulerLimits{}.max_in_flight_bytes);
}

// A hundred networks from a hundred seeds: whatever the sources do, as long as one honest source
// has everything, the pull completes and little is received twice.
TEST(Simulation, completes_over_any_network_with_one_honest_source) {
  for (std::uint64_t seed = 100; seed < 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    std::vector<SimulatedSource> sources;
    const std::size_t count = 1 + random.below(6);
    for (std::size_t i = 0; i < count; ++i) {
      SimulatedSource source;
      source.bytes_per_second = 2e5 * static_cast<double>(1 + random.below(200));
      source.round_trip = std::chrono::milliseconds(1 + random.below(200));
      if (i > 0) {  // The first one is honest and whole, though it may lose a request now and then.
        source.stall = static_cast<double>(random.below(3)) * 0.02;
        source.missing = random.below(3) == 0 ? 0.5 : 0;
        source.lies = random.below(6) == 0;
        if (random.below(4) == 0) source.dies_at = std::chrono::seconds(random.below(20));
      }
      source.loss = static_cast<double>(random.below(3)) * 0.02;
      sources.push_back(source);
    }
    Simulation simulation(seed, sources);
    simulation.pull(150, kMiB);
    EXPECT_TRUE(simulation.finished()) << simulation.error().message;
    EXPECT_EQ(simulation.blocks_done(), 150U);
    EXPECT_LT(simulation.duplicate_share(), 0.02);
    EXPECT_EQ(simulation.scheduler().in_flight_bytes(), 0U);
  }
}

}  // namespace
}  // namespace accel::exchange
