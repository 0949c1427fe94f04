// SPDX-License-Identifier: Apache-2.0
// The scheduler against a simulated network: sources with a rate, a round trip, loss, stalls, holes
// and lies, all from a seed. Every pull must end complete, with few bytes received twice, in a time
// that is close to what the rates allow. What is modelled: each source shares its rate equally
// among its open requests and answers after its round trip; verification takes no time.
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "accel/core/random.hpp"
#include "scheduler.hpp"
#include "scheduler_script.hpp"

namespace accel::exchange {
namespace {

using namespace std::chrono_literals;
using testing::kMiB;
using testing::test_cid;

struct SimulatedSource {
  double bytes_per_second = 1e7;
  Duration round_trip = 10ms;
  double loss = 0;         // Share of requests that fail with a dropped connection.
  double stall = 0;        // Share of requests that never answer.
  double missing = 0;      // Share of blocks that it does not have.
  bool lies = false;       // Its blocks are false.
  Duration dies_at = 24h;  // Drops everything from then on.
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, std::vector<SimulatedSource> sources)
      : random_(seed), sources_(std::move(sources)) {
    for (std::size_t i = 0; i < sources_.size(); ++i) {
      step(SourceAdded{"http://source-" + std::to_string(i)});
    }
  }

  // Returns the seconds it took. The run is cut off after an hour of simulated time.
  double pull(std::size_t blocks, std::uint32_t block_bytes) {
    WantsAdded wants;
    for (std::size_t i = 0; i < blocks; ++i) {
      wants.wants.push_back({test_cid(i), block_bytes, i});
    }
    block_bytes_ = block_bytes;
    step(wants);
    step(NoMoreWants{});
    for (int ticks = 0; !over_ && now_ < SteadyTime{} + 1h; ++ticks) {
      now_ += kStep;
      move_bytes();
      if (ticks % 10 == 0) step(Tick{});
      most_in_flight_ = std::max(most_in_flight_, scheduler_.in_flight_bytes());
    }
    return std::chrono::duration<double>(now_.time_since_epoch()).count();
  }

  bool finished() const { return finished_; }
  const Error& error() const { return error_; }
  const Scheduler& scheduler() const { return scheduler_; }
  std::uint64_t most_in_flight() const { return most_in_flight_; }
  double duplicate_share() const {
    return static_cast<double>(scheduler_.waste().duplicate_bytes) /
           static_cast<double>(done_.size() * block_bytes_ + 1);
  }
  std::size_t blocks_done() const { return done_.size(); }

 private:
  static constexpr Duration kStep = 5ms;
  enum class Fate { delivers, drops, stalls, misses };
  struct Open {
    SourceId source = 0;
    WantId want = 0;
    SteadyTime answers_at;
    double left = 0;
    double reported = 0;  // A fraction of a byte that was not reported yet.
    Fate fate = Fate::delivers;
  };

  double chance() { return static_cast<double>(random_.below(1U << 20U)) / (1U << 20U); }

  void step(const SchedulerEvent& event) {
    for (const auto& action : scheduler_.step(event, now_)) {
      if (const auto* start = std::get_if<StartRequest>(&action)) open(*start);
      if (const auto* cancel = std::get_if<CancelRequest>(&action)) open_.erase(cancel->request);
      if (std::get_if<Finished>(&action) != nullptr) over_ = finished_ = true;
      if (const auto* gave_up = std::get_if<GaveUp>(&action)) {
        over_ = true;
        error_ = gave_up->error;
      }
    }
  }

  void open(const StartRequest& start) {
    const SimulatedSource& source = sources_[start.source];
    Open request{
        start.source,  start.want, now_ + source.round_trip, static_cast<double>(block_bytes_), 0,
        Fate::delivers};
    SeededRandom of_block(start.want * 1000 + start.source);
    const bool has_it = static_cast<double>(of_block.below(1000)) >= source.missing * 1000;
    if (!has_it)
      request.fate = Fate::misses;
    else if (chance() < source.stall)
      request.fate = Fate::stalls;
    else if (chance() < source.loss)
      request.fate = Fate::drops;
    if (now_.time_since_epoch() >= source.dies_at) request.fate = Fate::drops;
    open_.emplace(start.request, request);
  }

  void move_bytes() {
    std::map<SourceId, int> sharing;
    for (const auto& [id, request] : open_) {
      if (now_ >= request.answers_at) ++sharing[request.source];
    }
    std::vector<RequestId> ids;
    for (const auto& [id, request] : open_) ids.push_back(id);
    for (const RequestId id : ids) {
      const auto found = open_.find(id);  // Cancelled by an event of this very step?
      if (found != open_.end() && now_ >= found->second.answers_at && !over_) {
        advance(id, found->second, sharing[found->second.source]);
      }
    }
  }

  void advance(RequestId id, Open& request, int sharing) {
    const SimulatedSource& source = sources_[request.source];
    if (request.fate == Fate::stalls) return;
    if (request.fate == Fate::misses) return fail(id, Errc::not_found);
    const bool dead = now_.time_since_epoch() >= source.dies_at;
    if (dead) return fail(id, Errc::unavailable);
    const double bytes = source.bytes_per_second * 0.005 / sharing + request.reported;
    const double taken = std::min(bytes, request.left);
    const auto whole = static_cast<std::uint64_t>(taken);
    request.reported = taken - static_cast<double>(whole);
    request.left -= static_cast<double>(whole);
    const bool complete = request.left < 1;
    if (request.fate == Fate::drops && request.left < block_bytes_ / 2.0) {
      return fail(id, Errc::unavailable);
    }
    const SourceId from = request.source;
    const WantId want = request.want;
    step(BytesArrived{id, whole});
    if (!complete || !open_.contains(id)) return;
    open_.erase(id);
    step(BlockArrived{id, block_bytes_});
    if (sources_[from].lies) return step(BlockRejected{id, "It lied."});
    done_.insert(want);
    step(BlockVerified{id});
  }

  void fail(RequestId id, Errc code) {
    open_.erase(id);
    step(RequestFailed{id, {code, "The simulated request failed.", {}}});
  }

  SeededRandom random_;
  std::vector<SimulatedSource> sources_;
  Scheduler scheduler_;
  SteadyTime now_{};
  std::map<RequestId, Open> open_;
  std::set<WantId> done_;
  std::uint32_t block_bytes_ = 0;
  std::uint64_t most_in_flight_ = 0;
  bool over_ = false;
  bool finished_ = false;
  Error error_;
};

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
