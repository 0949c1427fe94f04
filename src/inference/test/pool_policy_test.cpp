// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/pool_policy.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace accel::inference {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Verdict = PoolAdmission::Verdict;

constexpr std::uint64_t kBudget = 1000;

// A policy with a clock that moves when told to.
class Pool {
 public:
  explicit Pool(std::uint64_t budget = kBudget)
      : policy([&] {
          PoolLimits limits;
          limits.budget_bytes = budget;
          limits.reserve_bytes = 50;
          return limits;
        }()) {}

  PoolDemand demand(std::string key, std::uint64_t bytes) {
    PoolDemand made{.key = std::move(key)};
    made.bytes = bytes;
    made.keep_alive = minutes(5);
    return made;
  }
  PoolAdmission admit(const PoolDemand& demand, Duration waited = {}) {
    return policy.admit(demand, headroom, waited, now);
  }
  // Loaded, and its first call ended.
  PoolId keep(const PoolDemand& demand, double load_ms = 100) {
    const PoolId id = begin(demand, load_ms);
    EXPECT_FALSE(policy.release(id, now));
    return id;
  }
  PoolId begin(const PoolDemand& demand, double load_ms = 100) {
    const PoolAdmission admission = admit(demand);
    EXPECT_EQ(admission.verdict, Verdict::admitted) << demand.key;
    EXPECT_THAT(policy.loaded(admission.id, load_ms, std::nullopt, now), IsEmpty());
    return admission.id;
  }
  PoolId keep(const char* key, std::uint64_t bytes, double load_ms = 100) {
    return keep(demand(key, bytes), load_ms);
  }
  void use(const char* key, int times) {
    for (int i = 0; i < times; ++i) {
      const auto id = policy.acquire(key, now);
      ASSERT_TRUE(id) << key;
      EXPECT_FALSE(policy.release(*id, now));
    }
  }
  std::vector<PoolId> ids(const std::vector<PoolUnload>& list) {
    std::vector<PoolId> ids;
    for (const PoolUnload& one : list) ids.push_back(one.id);
    return ids;
  }

  SteadyTime now{};
  std::optional<std::uint64_t> headroom;
  PoolPolicy policy;
};

TEST(PoolPolicy, admits_what_fits_and_lends_what_is_loaded) {
  Pool pool;
  const PoolId id = pool.begin(pool.demand("a", 600));
  EXPECT_EQ(pool.policy.calls(), 1U) << "what was admitted is busy with its first call";
  EXPECT_EQ(pool.policy.acquire("a", pool.now), id);
  EXPECT_EQ(pool.policy.find(id)->busy, 2U);
  EXPECT_FALSE(pool.policy.acquire("b", pool.now));
  EXPECT_EQ(pool.policy.bytes(), 600U);
}

TEST(PoolPolicy, what_is_being_loaded_is_lent_to_nobody_and_holds_its_room) {
  Pool pool;
  const PoolAdmission first = pool.admit(pool.demand("a", 600));
  ASSERT_EQ(first.verdict, Verdict::admitted);
  EXPECT_FALSE(pool.policy.acquire("a", pool.now));
  EXPECT_EQ(pool.admit(pool.demand("b", 600)).verdict, Verdict::wait);
  pool.policy.cancel(first.id);
  EXPECT_EQ(pool.admit(pool.demand("b", 600)).verdict, Verdict::admitted);
}

TEST(PoolPolicy, lets_go_what_is_cheapest_to_reload_by_byte) {
  Pool pool;
  const PoolId cheap = pool.keep("cheap", 400, /*load_ms=*/10);
  pool.keep("dear", 400, /*load_ms=*/1000);
  const PoolAdmission admission = pool.admit(pool.demand("new", 500));
  EXPECT_EQ(admission.verdict, Verdict::unload);
  EXPECT_THAT(pool.ids(admission.unload), ElementsAre(cheap));
  EXPECT_EQ(admission.unload.front().reason, UnloadReason::room);
  EXPECT_EQ(pool.admit(pool.demand("new", 500)).verdict, Verdict::wait)
      << "its memory is not free before it is gone";
  pool.policy.unloaded(cheap);
  EXPECT_EQ(pool.admit(pool.demand("new", 500)).verdict, Verdict::admitted);
}

TEST(PoolPolicy, use_counts_and_fades) {
  Pool pool;
  const PoolId often = pool.keep("often", 400);
  const PoolId seldom = pool.keep("seldom", 400);
  pool.use("often", 20);
  EXPECT_GT(pool.policy.value(*pool.policy.find(often), pool.now),
            10 * pool.policy.value(*pool.policy.find(seldom), pool.now));
  pool.now += minutes(60);  // Six half-lives.
  pool.use("seldom", 5);
  const PoolAdmission admission = pool.admit(pool.demand("new", 500));
  EXPECT_THAT(pool.ids(admission.unload), ElementsAre(often));
}

TEST(PoolPolicy, of_equal_value_the_one_unused_longest_goes) {
  Pool pool;
  const PoolId older = pool.keep("a", 400, 0);  // Costs nothing to reload: no value at all.
  pool.now += seconds(1);
  pool.keep("b", 400, 0);
  EXPECT_THAT(pool.ids(pool.admit(pool.demand("new", 400)).unload), ElementsAre(older));
}

TEST(PoolPolicy, spares_what_need_not_go) {
  Pool pool;
  pool.keep("small", 100, /*load_ms=*/1);
  const PoolId large = pool.keep("large", 800, /*load_ms=*/100);
  const PoolAdmission admission = pool.admit(pool.demand("new", 700));
  EXPECT_THAT(pool.ids(admission.unload), ElementsAre(large)) << "it makes room enough alone";
}

TEST(PoolPolicy, what_is_pinned_stays_and_says_so) {
  Pool pool;
  PoolDemand demand = pool.demand("pinned", 600);
  demand.pinned = true;
  pool.keep(demand);
  PoolAdmission admission = pool.admit(pool.demand("new", 500));
  EXPECT_EQ(admission.verdict, Verdict::refused);
  EXPECT_EQ(admission.refusal, PoolRefusal::pinned);
  admission = pool.admit(pool.demand("huge", 1001));
  EXPECT_EQ(admission.verdict, Verdict::refused);
  EXPECT_EQ(admission.refusal, PoolRefusal::too_large);
  pool.now += minutes(1000);
  EXPECT_THAT(pool.policy.expire(pool.now), IsEmpty());
}

TEST(PoolPolicy, what_is_busy_stays_until_a_request_has_waited_for_long) {
  Pool pool;
  const PoolId busy = pool.begin(pool.demand("busy", 600));
  EXPECT_EQ(pool.admit(pool.demand("new", 600)).verdict, Verdict::wait);
  EXPECT_TRUE(pool.policy.acquire("busy", pool.now)) << "it goes on taking calls";
  EXPECT_FALSE(pool.policy.release(busy, pool.now));
  EXPECT_EQ(pool.admit(pool.demand("new", 600), seconds(2)).verdict, Verdict::wait);
  EXPECT_FALSE(pool.policy.acquire("busy", pool.now)) << "its last call is under way";
  const auto gone = pool.policy.release(busy, pool.now);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->reason, UnloadReason::room);
  pool.policy.unloaded(busy);
  EXPECT_EQ(pool.admit(pool.demand("new", 600)).verdict, Verdict::admitted);
}

TEST(PoolPolicy, several_that_wait_for_the_same_room_make_no_more_go) {
  Pool pool;
  const PoolId one = pool.begin(pool.demand("one", 500), 10);
  const PoolId two = pool.begin(pool.demand("two", 500), 1000);
  for (const char* key : {"x", "y", "z"})
    EXPECT_EQ(pool.admit(pool.demand(key, 300), seconds(5)).verdict, Verdict::wait);
  EXPECT_TRUE(pool.policy.find(one)->leaving);
  EXPECT_FALSE(pool.policy.find(two)->leaving);
}

TEST(PoolPolicy, a_demand_that_may_unload_nothing_is_refused_at_once) {
  Pool pool;
  const PoolId kept = pool.keep("kept", 800);
  PoolDemand demand = pool.demand("trial", 300);
  demand.may_unload = false;
  EXPECT_EQ(pool.admit(demand, seconds(10)).verdict, Verdict::refused);
  EXPECT_FALSE(pool.policy.find(kept)->leaving);
  demand.bytes = 200;
  EXPECT_EQ(pool.admit(demand).verdict, Verdict::admitted);
}

TEST(PoolPolicy, refuses_before_the_machine_runs_out) {
  Pool pool;
  pool.headroom = 640;
  EXPECT_EQ(pool.admit(pool.demand("a", 600)).refusal, PoolRefusal::machine) << "50 stay free";
  pool.headroom = 650;
  const PoolId kept = pool.keep("a", 600);
  pool.headroom = 50;
  const PoolAdmission admission = pool.admit(pool.demand("b", 300));
  EXPECT_EQ(admission.verdict, Verdict::unload);
  EXPECT_THAT(pool.ids(admission.unload), ElementsAre(kept));
  EXPECT_EQ(pool.admit(pool.demand("c", 700)).refusal, PoolRefusal::machine);
}

TEST(PoolPolicy, without_a_budget_the_machine_alone_counts) {
  Pool pool(/*budget=*/0);
  pool.keep("a", 1U << 30U);
  pool.keep("b", 1U << 30U);
  pool.headroom = 10;
  EXPECT_EQ(pool.admit(pool.demand("c", 1U << 30U)).verdict, Verdict::unload);
}

TEST(PoolPolicy, keeps_for_its_time_and_no_longer) {
  Pool pool;
  const PoolId id = pool.keep("a", 100);
  EXPECT_EQ(pool.policy.next_expiry(), pool.now + minutes(5));
  pool.now += minutes(4);
  pool.use("a", 1);
  pool.now += minutes(4);
  EXPECT_THAT(pool.policy.expire(pool.now), IsEmpty());
  ASSERT_TRUE(pool.policy.acquire("a", pool.now));
  pool.now += minutes(50);
  EXPECT_THAT(pool.policy.expire(pool.now), IsEmpty()) << "it is busy";
  EXPECT_FALSE(pool.policy.release(id, pool.now));
  pool.now += minutes(5);
  const auto gone = pool.policy.expire(pool.now);
  EXPECT_THAT(pool.ids(gone), ElementsAre(id));
  EXPECT_EQ(gone.front().reason, UnloadReason::expired);
  EXPECT_THAT(pool.policy.expire(pool.now), IsEmpty()) << "it is on its way";
}

TEST(PoolPolicy, keep_alive_of_nothing_unloads_after_the_call_and_forever_pins) {
  Pool pool;
  const PoolId id = pool.begin(pool.demand("a", 100));
  pool.policy.keep_alive(id, Duration::zero());
  EXPECT_TRUE(pool.policy.release(id, pool.now));
  pool.policy.unloaded(id);
  const PoolId forever = pool.keep("b", 100);
  pool.policy.keep_alive(forever, kKeepForever);
  EXPECT_TRUE(pool.policy.find(forever)->is_pinned());
  pool.policy.keep_alive(forever, minutes(1));
  EXPECT_FALSE(pool.policy.find(forever)->is_pinned());
}

TEST(PoolPolicy, a_drop_waits_for_calls_that_are_under_way) {
  Pool pool;
  const PoolId idle = pool.keep("idle", 100);
  const PoolId busy = pool.begin(pool.demand("busy", 100));
  ASSERT_TRUE(pool.policy.drop(idle));
  EXPECT_FALSE(pool.policy.drop(idle)) << "once";
  EXPECT_FALSE(pool.policy.drop(busy));
  EXPECT_FALSE(pool.policy.acquire("busy", pool.now));
  const auto gone = pool.policy.release(busy, pool.now);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->reason, UnloadReason::asked);
}

TEST(PoolPolicy, what_was_seen_to_take_more_counts_with_it_the_next_time_too) {
  Pool pool;
  const PoolId kept = pool.keep("kept", 500);
  const PoolAdmission admission = pool.admit(pool.demand("a", 300));
  const auto gone = pool.policy.loaded(admission.id, 100, LoadGrowth{700, 700}, pool.now);
  EXPECT_THAT(pool.ids(gone), ElementsAre(kept)) << "it makes room for what came unexpected";
  pool.policy.unloaded(kept);
  EXPECT_EQ(pool.policy.find(admission.id)->bytes, 700U);
  ASSERT_FALSE(pool.policy.release(admission.id, pool.now));
  ASSERT_TRUE(pool.policy.drop(admission.id));
  pool.policy.unloaded(admission.id);
  pool.keep("kept", 500);
  EXPECT_EQ(pool.admit(pool.demand("a", 300)).verdict, Verdict::unload);
}

TEST(PoolPolicy, what_outgrows_the_budget_goes_with_its_call_and_is_refused_then) {
  Pool pool;
  const PoolId id = pool.begin(pool.demand("a", 900));
  EXPECT_THAT(pool.policy.grew(id, 1100, pool.now), IsEmpty()) << "its call goes on";
  const auto gone = pool.policy.release(id, pool.now);
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->reason, UnloadReason::outgrown);
  pool.policy.unloaded(id);
  EXPECT_EQ(pool.admit(pool.demand("a", 900)).refusal, PoolRefusal::too_large);
}

TEST(PoolPolicy, what_is_seen_to_take_less_counts_with_its_word) {
  Pool pool;
  const PoolAdmission admission = pool.admit(pool.demand("a", 300));
  pool.policy.loaded(admission.id, 100, LoadGrowth{20, 20},
                     pool.now);  // Mapped weights come in as they are read.
  EXPECT_EQ(pool.policy.find(admission.id)->bytes, 300U);
  pool.policy.grew(admission.id, 200, pool.now);
  EXPECT_EQ(pool.policy.find(admission.id)->bytes, 300U);
  pool.policy.grew(admission.id, 200, pool.now);
  EXPECT_EQ(pool.policy.find(admission.id)->bytes, 420U);
}

TEST(PoolPolicy, what_opening_takes_counts_while_it_is_opened) {
  Pool pool;
  PoolDemand demand = pool.demand("a", 300);
  demand.opening_bytes = 600;
  const PoolAdmission admission = pool.admit(demand);
  EXPECT_EQ(pool.policy.bytes(), 600U);
  pool.policy.loaded(admission.id, 100, LoadGrowth{320, 800}, pool.now);
  EXPECT_EQ(pool.policy.bytes(), 320U);
  ASSERT_FALSE(pool.policy.release(admission.id, pool.now));
  ASSERT_TRUE(pool.policy.drop(admission.id));
  pool.policy.unloaded(admission.id);
  pool.keep("kept", 300);
  EXPECT_EQ(pool.admit(demand).verdict, Verdict::unload) << "it took 800 of 1000 the last time";
}

TEST(PoolPolicy, what_can_not_be_opened_within_the_budget_is_too_large) {
  Pool pool;
  PoolDemand demand = pool.demand("a", 300);
  demand.opening_bytes = 1001;
  EXPECT_EQ(pool.admit(demand).refusal, PoolRefusal::too_large);
}

TEST(PoolPolicy, loads_instances_only_while_all_are_busy) {
  Pool pool;
  PoolDemand demand = pool.demand("a", 100);
  demand.instances = 2;
  EXPECT_FALSE(pool.policy.wants_instance(demand)) << "none is there yet";
  const PoolId first = pool.begin(demand);
  EXPECT_TRUE(pool.policy.wants_instance(demand));
  const PoolId second = pool.begin(demand);
  EXPECT_FALSE(pool.policy.wants_instance(demand)) << "two are enough";
  EXPECT_FALSE(pool.policy.release(first, pool.now));
  EXPECT_EQ(pool.policy.acquire("a", pool.now), first) << "the least busy one";
  EXPECT_FALSE(pool.policy.release(second, pool.now));
  EXPECT_FALSE(pool.policy.wants_instance(demand));
}

TEST(PoolPolicy, sizes_near_the_largest_number_do_not_wrap) {
  constexpr std::uint64_t kHalf = std::uint64_t{1} << 63U;
  Pool pool(/*budget=*/kHalf);
  EXPECT_EQ(pool.admit(pool.demand("a", ~std::uint64_t{0})).refusal, PoolRefusal::too_large);
  pool.headroom = 100;
  EXPECT_EQ(pool.admit(pool.demand("a", kHalf)).refusal, PoolRefusal::machine);
  pool.headroom.reset();
  const PoolId id = pool.begin(pool.demand("b", kHalf - 1));
  EXPECT_EQ(pool.admit(pool.demand("c", kHalf)).verdict, Verdict::wait);
  EXPECT_THAT(pool.policy.grew(id, ~std::uint64_t{0}, pool.now), IsEmpty());
  EXPECT_EQ(pool.policy.bytes(), ~std::uint64_t{0});
}

// Random requests, ends, growth, drops and time; what the policy says is done,
// sometimes late.
class Simulation {
 public:
  explicit Simulation(unsigned seed, bool grows) : chance_(seed), grows_(grows) {}

  void step() {
    pool_.now += std::chrono::milliseconds(pick(2000));
    switch (pick(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        request();
        break;
      case 4:
      case 5:
      case 6:
        end();
        break;
      case 7:
        finish_unloads();
        break;
      case 8:
        leave(pool_.policy.expire(pool_.now));
        break;
      default:
        change();
        break;
    }
    check();
  }

 private:
  std::uint64_t pick(std::uint64_t below) { return chance_() % below; }

  void request() {
    const std::uint64_t number = pick(8);
    const std::string key = "model " + std::to_string(number);
    if (const auto id = pool_.policy.acquire(key, pool_.now)) return calls_.push_back(*id);
    PoolDemand demand = pool_.demand(key, 100 + 70 * number);
    demand.pinned = number == 0;
    demand.opening_bytes = pick(600);
    demand.keep_alive = seconds(pick(60));
    if (pick(3) == 0) pool_.headroom = pick(900);
    const PoolAdmission admission = pool_.admit(demand, seconds(pick(3)));
    pool_.headroom.reset();
    leave(admission.unload);
    if (admission.verdict != Verdict::admitted) return;
    EXPECT_LE(pool_.policy.bytes(), kBudget) << "nothing is admitted beyond the budget";
    if (pick(8) == 0) return pool_.policy.cancel(admission.id);
    calls_.push_back(admission.id);
    const std::uint64_t stays = grows_ ? pick(800) : 0;
    const LoadGrowth seen{stays, stays + (grows_ ? pick(200) : 0)};
    leave(pool_.policy.loaded(admission.id, static_cast<double>(pick(500)), seen, pool_.now));
  }
  void end() {
    if (calls_.empty()) return;
    const std::size_t which = pick(calls_.size());
    const PoolId id = calls_[which];
    calls_.erase(calls_.begin() + static_cast<std::ptrdiff_t>(which));
    if (const auto gone = pool_.policy.release(id, pool_.now)) leave({*gone});
  }
  void change() {
    if (calls_.empty()) return;
    const PoolId id = calls_[pick(calls_.size())];
    switch (pick(3)) {
      case 0:
        pool_.policy.keep_alive(id, pick(2) == 0 ? seconds(0) : seconds(5));
        break;
      case 1:
        if (grows_) leave(pool_.policy.grew(id, pick(300), pool_.now));
        break;
      default:
        if (const auto gone = pool_.policy.drop(id)) leave({*gone});
    }
  }
  void leave(const std::vector<PoolUnload>& list) {
    for (const PoolUnload& one : list) {
      const PoolEntry* const entry = pool_.policy.find(one.id);
      ASSERT_NE(entry, nullptr);
      EXPECT_EQ(entry->busy, 0U) << "nothing busy is unloaded";
      EXPECT_TRUE(entry->leaving);
      if (one.reason == UnloadReason::room) {
        EXPECT_FALSE(entry->is_pinned()) << "nothing pinned goes for room";
      }
      EXPECT_TRUE(leaving_.insert(one.id).second) << "once";
    }
  }
  void finish_unloads() {
    for (const PoolId id : leaving_) pool_.policy.unloaded(id);
    leaving_.clear();
  }
  void check() {
    std::uint64_t staying = 0;
    for (const auto& [id, entry] : pool_.policy.entries()) {
      if (!entry.leaving) staying += entry.bytes;
    }
    EXPECT_LE(staying, kBudget);
    if (!grows_) {
      EXPECT_LE(pool_.policy.bytes(), kBudget);
    }
    for (const PoolId id : calls_) EXPECT_NE(pool_.policy.find(id), nullptr) << "it is in use";
    EXPECT_EQ(pool_.policy.calls(), calls_.size());
  }

  std::mt19937_64 chance_;
  bool grows_;
  Pool pool_;
  std::vector<PoolId> calls_;
  std::set<PoolId> leaving_;
};

TEST(PoolPolicy, never_exceeds_the_budget_nor_unloads_what_is_busy_or_pinned) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    for (const bool grows : {false, true}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << (grows ? ", models grow" : ""));
      Simulation simulation(seed, grows);
      for (int i = 0; i < 1500; ++i) simulation.step();
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace accel::inference
