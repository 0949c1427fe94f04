// SPDX-License-Identifier: Apache-2.0
// The scheduler as scripts: one situation a test, no time but the script's.
#include "scheduler.hpp"

#include <gmock/gmock.h>

#include "scheduler_script.hpp"

namespace accel::exchange {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kMiB;
using ::testing::Not;
using testing::Script;
using testing::test_cid;
using namespace std::chrono_literals;

TEST(Scheduler, finishes_when_nothing_was_wanted) {
  Script script;
  script.no_more_wants();
  EXPECT_THAT(script.actions(), ElementsAre("finished"));
}

TEST(Scheduler, fetches_one_block_from_one_source) {
  Script script;
  script.sources({"a"});
  script.wants(1, kMiB);
  script.no_more_wants();
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 0"));
  script.verifies("a", 0);
  EXPECT_THAT(script.actions(), ElementsAre("finished"));
  EXPECT_EQ(script.stats("a").bytes, kMiB);
  EXPECT_EQ(script.stats("a").blocks, 1U);
}

TEST(Scheduler, waits_for_the_walk_before_it_finishes) {
  Script script;
  script.sources({"a"});
  script.wants(1, kMiB);
  script.verifies("a", 0);
  EXPECT_THAT(script.actions(), Not(Contains("finished")));
  script.wants(1, kMiB);
  script.no_more_wants();
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 1"));
  script.verifies("a", 1);
  EXPECT_THAT(script.actions(), ElementsAre("finished"));
}

TEST(Scheduler, an_untried_source_gets_two_blocks_only) {
  Script script;
  script.sources({"a"});
  script.wants(10, kMiB);
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 0", "ask a for 1"));
}

TEST(Scheduler, serves_wants_by_order_and_then_by_age) {
  SchedulerLimits limits;
  limits.max_requests_per_source = 1;
  Script script(limits);
  script.sources({"a"});
  script.want(kMiB, 5);
  script.want(kMiB, 5);
  script.want(kMiB, 1);
  script.verifies("a", 0);
  script.verifies("a", 2);
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 0", "ask a for 2", "ask a for 1"));
}

TEST(Scheduler, untried_sources_share_the_first_wants) {
  Script script;
  script.sources({"a", "b"});
  script.wants(4, kMiB);
  EXPECT_EQ(script.open_at("a"), 2U);
  EXPECT_EQ(script.open_at("b"), 2U);
}

TEST(Scheduler, opens_the_window_with_the_measured_bandwidth_delay_product) {
  Script script;
  script.sources({"a"});
  script.wants(100, kMiB);
  // 100 ms to the first byte, then 1 MiB at once: the link is long, not slow.
  for (WantId want = 0; want < 8; ++want) {
    script.clock_moves(want % 2 == 0 ? 100ms : 0ms);
    script.verifies("a", want);
  }
  EXPECT_GT(script.open_at("a"), 4U);
}

TEST(Scheduler, keeps_the_bytes_in_flight_within_the_limit) {
  SchedulerLimits limits;
  limits.max_in_flight_bytes = 3 * kMiB;
  Script script(limits);
  script.sources({"a", "b", "c"});
  script.wants(10, kMiB);
  EXPECT_EQ(script.actions().size(), 3U);
  EXPECT_EQ(script.scheduler().in_flight_bytes(), 3U * kMiB);
}

TEST(Scheduler, a_block_in_verification_still_counts_as_memory) {
  SchedulerLimits limits;
  limits.max_in_flight_bytes = 2 * kMiB;
  Script script(limits);
  script.sources({"a"});
  script.wants(4, kMiB);
  script.actions();
  script.arrives("a", 0);
  EXPECT_THAT(script.actions(), IsEmpty());
  script.step(BlockVerified{script.request("a", 0)});
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 2"));
}

TEST(Scheduler, asks_for_no_more_while_verification_lags_behind) {
  SchedulerLimits limits;
  limits.max_verifying_bytes = 2 * kMiB;
  Script script(limits);
  script.sources({"a"});
  script.wants(8, kMiB);
  script.clock_moves(1ms);
  script.arrives("a", 0);
  script.arrives("a", 1);
  script.actions();
  script.passes(100ms);
  script.arrives("a", 2);
  EXPECT_THAT(script.actions(), IsEmpty());
  script.step(BlockVerified{script.request("a", 0)});
  script.step(BlockVerified{script.request("a", 1)});
  EXPECT_THAT(script.actions(), Not(IsEmpty()));
}

TEST(Scheduler, asks_for_one_block_even_when_it_is_larger_than_the_limit) {
  SchedulerLimits limits;
  limits.max_in_flight_bytes = 10;
  Script script(limits);
  script.sources({"a"});
  script.wants(2, kMiB);
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 0"));
}

TEST(Scheduler, a_source_that_lies_is_struck_off_and_its_leaf_goes_elsewhere) {
  Script script;
  script.sources({"a", "b"});
  script.wants(2, kMiB);
  ASSERT_TRUE(script.asks("a", 0));
  script.actions();
  script.lies("a", 0);
  EXPECT_THAT(script.actions(), ElementsAre("lost a: It lied about block 0.", "ask b for 0"));
  script.no_more_wants();
  script.verifies("b", 1);
  script.verifies("b", 0);
  EXPECT_THAT(script.actions(), ElementsAre("finished"));
  EXPECT_TRUE(script.stats("a").lost);
  EXPECT_EQ(script.scheduler().waste().rejected_bytes, kMiB);
}

TEST(Scheduler, a_struck_off_source_is_never_asked_again) {
  Script script;
  script.sources({"a", "b"});
  script.wants(2, kMiB);
  script.lies("a", 0);
  script.wants(10, kMiB);
  script.passes(60s);
  EXPECT_EQ(script.open_at("a"), 0U);
}

TEST(Scheduler, what_a_liar_still_had_open_is_cancelled_and_asked_elsewhere) {
  Script script;
  script.sources({"a"});
  script.wants(2, kMiB);
  script.sources({"b"});
  script.actions();
  script.lies("a", 0);
  EXPECT_THAT(script.actions(), ElementsAre("lost a: It lied about block 0.", "cancel a for 1",
                                            "ask b for 0", "ask b for 1"));
}

TEST(Scheduler, gives_up_with_the_lie_when_the_only_source_lies) {
  Script script;
  script.sources({"http://a"});
  script.wants(1, kMiB);
  script.lies("http://a", 0);
  EXPECT_THAT(script.actions(), Contains("gave up"));
  EXPECT_EQ(script.error().code, Errc::corrupt);
  EXPECT_THAT(script.error().message,
              AllOf(HasSubstr(test_cid(0).to_string()), HasSubstr("http://a was struck off"),
                    HasSubstr("It lied about block 0.")));
}

TEST(Scheduler, not_found_at_one_source_is_no_failure_while_another_has_it) {
  Script script;
  script.sources({"a", "b"});
  script.wants(1, kMiB);
  script.actions();
  script.misses("a", 0);
  EXPECT_THAT(script.actions(), ElementsAre("ask b for 0"));
  EXPECT_EQ(script.stats("a").failures, 0U);
  EXPECT_EQ(script.stats("a").misses, 1U);
}

TEST(Scheduler, gives_up_with_not_found_when_every_source_lacks_the_block) {
  Script script;
  script.sources({"http://a", "http://b"});
  script.wants(1, kMiB);
  script.misses("http://a", 0);
  script.misses("http://b", 0);
  EXPECT_EQ(script.error().code, Errc::not_found);
  EXPECT_THAT(script.error().message, AllOf(HasSubstr("http://a does not have it."),
                                            HasSubstr("http://b does not have it.")));
}

TEST(Scheduler, gives_up_at_once_when_there_is_no_source) {
  Script script;
  script.wants(1, kMiB);
  EXPECT_THAT(script.actions(), ElementsAre("gave up"));
  EXPECT_EQ(script.error().code, Errc::not_found);
  EXPECT_THAT(script.error().message, HasSubstr("nobody was named"));
}

TEST(Scheduler, a_source_that_lacks_much_is_asked_one_at_a_time_with_pauses) {
  Script script;
  script.sources({"a", "b"});
  script.wants(200, kMiB);
  for (int i = 0; i < 8; ++i) {
    for (WantId want = 0; want < 200; ++want) {
      if (script.asks("a", want)) {
        script.misses("a", want);
        break;
      }
    }
    script.passes(50ms);
  }
  EXPECT_LE(script.open_at("a"), 1U);
  EXPECT_LT(script.stats("a").misses, 8U);
  script.passes(2s);
  EXPECT_EQ(script.open_at("a"), 1U) << "it may have later blocks, so it is tried again";
}

TEST(Scheduler, a_failed_request_goes_to_another_source_at_once) {
  Script script;
  script.sources({"a", "b"});
  script.wants(1, kMiB);
  script.actions();
  script.fails("a", 0, Errc::unavailable, "reset");
  EXPECT_THAT(script.actions(), ElementsAre("ask b for 0"));
}

TEST(Scheduler, backs_off_longer_after_each_failure_and_then_gives_the_source_up) {
  Script script;
  script.sources({"http://a"});
  script.wants(1, kMiB);
  script.actions();
  std::vector<int> pauses_ms;
  while (script.error().message.empty() && pauses_ms.size() < 10) {
    script.fails("http://a", 0, Errc::unavailable, "HTTP 503");
    int pause = 0;
    for (; !script.asks("http://a", 0) && script.error().message.empty(); pause += 50) {
      script.passes(50ms);
    }
    if (pause > 0) pauses_ms.push_back(pause);
  }
  EXPECT_THAT(pauses_ms, ElementsAre(250, 500));
  EXPECT_EQ(script.error().code, Errc::unavailable) << "three failures for the same block";
  EXPECT_THAT(script.error().message, HasSubstr("http://a was given up: HTTP 503"));
}

TEST(Scheduler, tells_how_a_block_failed_at_a_source_that_is_not_given_up) {
  Script script;
  script.sources({"http://a"});
  script.wants(1, kMiB);
  for (int i = 0; i < 3; ++i) {
    script.fails("http://a", 0, Errc::io, "reset");
    script.passes(1s);
  }
  EXPECT_EQ(script.error().code, Errc::io);
}

TEST(Scheduler, gives_a_source_up_after_six_failures_in_a_row) {
  Script script;
  script.sources({"a", "b"});
  script.wants(100, kMiB);
  int failures = 0;
  while (!script.stats("a").lost && failures < 20) {
    for (WantId want = 0; want < 100; ++want) {
      if (!script.asks("a", want)) continue;
      script.fails("a", want, Errc::unavailable, "HTTP 500");
      ++failures;
      break;
    }
    script.passes(50ms);
    if (script.asks("b", 0)) script.verifies("b", 0);
  }
  EXPECT_TRUE(script.stats("a").lost);
  EXPECT_LE(failures, 8);
}

TEST(Scheduler, requests_that_die_together_count_as_one_failure) {
  Script script;
  script.sources({"a"});
  script.wants(50, kMiB);
  for (WantId want = 0; want < 10; ++want) {
    script.clock_moves(1ms);
    script.verifies("a", want);
  }
  const std::size_t open = script.open_at("a");
  ASSERT_GE(open, 3U);
  script.clock_moves(1ms);
  for (WantId want = 10; want < 10 + open; ++want) {
    script.fails("a", want, Errc::unavailable, "reset");
  }
  script.passes(300ms);
  EXPECT_EQ(script.open_at("a"), 1U) << "asked again after one pause, carefully";
  EXPECT_FALSE(script.stats("a").lost);
}

TEST(Scheduler, a_success_forgives_earlier_failures) {
  SchedulerLimits limits;
  limits.max_requests_per_source = 1;
  Script script(limits);
  script.sources({"a"});
  script.wants(40, kMiB);
  for (WantId want = 0; want < 20; ++want) {
    script.fails("a", want, Errc::unavailable, "reset");
    script.passes(300ms);
    ASSERT_FALSE(script.stats("a").lost) << want;
    script.verifies("a", want);
    script.passes(300ms);
  }
}

TEST(Scheduler, a_source_that_refuses_is_given_up_the_second_time) {
  Script script;
  script.sources({"a", "b"});
  script.wants(8, kMiB);
  script.fails("a", 0, Errc::permission_denied, "HTTP 403");
  EXPECT_FALSE(script.stats("a").lost);
  script.passes(2s);
  for (WantId want = 0; want < 8; ++want) {
    if (script.asks("a", want)) script.fails("a", want, Errc::permission_denied, "HTTP 403");
  }
  EXPECT_TRUE(script.stats("a").lost);
}

TEST(Scheduler, a_silent_source_times_out_and_its_blocks_go_elsewhere) {
  SchedulerLimits limits;
  limits.stall_timeout = 10s;
  Script script(limits);
  script.sources({"a"});
  script.wants(1, kMiB);
  script.passes(9900ms);
  EXPECT_TRUE(script.asks("a", 0));
  script.sources({"b"});
  script.passes(200ms);
  EXPECT_FALSE(script.scheduler().sources()[0].failures == 0);
  EXPECT_THAT(script.stats("a").last_error, HasSubstr("nothing for 10 s"));
  EXPECT_TRUE(script.asks("b", 0));
}

TEST(Scheduler, bytes_that_trickle_in_keep_a_source_alive_but_not_for_ever) {
  Script script;
  script.sources({"a"});
  script.wants(1, kMiB);
  for (int second = 0; second < 29; ++second) {
    script.passes(1s);
    script.bytes("a", 0, 10);
  }
  EXPECT_EQ(script.stats("a").failures, 0U);
  script.passes(1s);
  EXPECT_EQ(script.stats("a").failures, 1U) << "10 bytes a second hold a place for nothing";
}

TEST(Scheduler, a_slow_but_steady_source_is_kept) {
  Script script;
  script.sources({"a"});
  script.wants(1, kMiB);
  for (int second = 0; second < 200; ++second) {
    script.passes(1s);
    script.bytes("a", 0, 5000);
  }
  EXPECT_EQ(script.stats("a").failures, 0U);
}

TEST(Scheduler, asks_an_idle_source_too_when_the_last_block_has_gone_silent) {
  Script script;
  script.sources({"a", "b"});
  script.wants(1, kMiB);
  script.no_more_wants();
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 0"));
  script.passes(600ms);
  EXPECT_THAT(script.actions(), ElementsAre("ask b for 0"));
  script.verifies("b", 0);
  EXPECT_THAT(script.actions(), ElementsAre("cancel a for 0", "finished"));
}

TEST(Scheduler, the_first_of_two_to_deliver_wins_and_the_rest_counts_as_duplicate) {
  Script script;
  script.sources({"a", "b"});
  script.wants(1, kMiB);
  script.passes(600ms);
  script.bytes("b", 0, 1000);
  script.verifies("a", 0);
  EXPECT_EQ(script.scheduler().waste().duplicate_bytes, 1000U);
  EXPECT_EQ(script.stats("a").blocks, 1U);
  EXPECT_EQ(script.stats("b").blocks, 0U);
}

TEST(Scheduler, a_block_is_never_asked_for_a_third_time_at_once) {
  Script script;
  script.sources({"a", "b", "c"});
  script.wants(1, kMiB);
  script.passes(5s);
  EXPECT_EQ(script.open_at("a") + script.open_at("b") + script.open_at("c"), 2U);
}

TEST(Scheduler, a_lie_of_one_of_two_leaves_the_other_at_work) {
  Script script;
  script.sources({"a", "b"});
  script.wants(1, kMiB);
  script.passes(600ms);
  script.actions();
  script.lies("b", 0);
  EXPECT_THAT(script.actions(), ElementsAre("lost b: It lied about block 0."));
  script.no_more_wants();
  script.verifies("a", 0);
  EXPECT_THAT(script.actions(), ElementsAre("finished"));
}

// Lets "fast" and "slow" show their rates on the first wants: 100 MiB/s and 1 MiB/s.
void measure_fast_and_slow(Script& script) {
  script.sources({"fast", "slow"});
  script.wants(4, kMiB);
  script.clock_moves(10ms);
  for (WantId want = 0; want < 4; ++want) {
    if (script.asks("fast", want)) script.verifies("fast", want);
  }
  script.clock_moves(990ms);
  for (WantId want = 0; want < 4; ++want) {
    if (script.asks("slow", want)) script.verifies("slow", want);
  }
  script.actions();
}

TEST(Scheduler, the_slow_source_does_not_start_what_all_would_wait_for) {
  Script script;
  measure_fast_and_slow(script);
  script.wants(8, kMiB);
  EXPECT_EQ(script.open_at("slow"), 0U);
  EXPECT_GT(script.open_at("fast"), 0U);
}

TEST(Scheduler, the_slow_source_helps_while_there_is_much_left) {
  Script script;
  measure_fast_and_slow(script);
  script.wants(1000, kMiB);
  EXPECT_GE(script.open_at("slow"), 1U);
}

TEST(Scheduler, an_idle_fast_source_takes_over_what_a_slow_one_has_not_begun) {
  Script script;
  measure_fast_and_slow(script);
  script.wants(300, kMiB);
  ASSERT_GE(script.open_at("slow"), 1U);
  WantId at_slow = 0;
  while (!script.asks("slow", at_slow)) ++at_slow;
  for (WantId want = 4; want < 304; ++want) {
    if (script.asks("fast", want)) {
      script.clock_moves(1ms);
      script.verifies("fast", want);
    }
  }
  EXPECT_TRUE(script.asks("fast", at_slow));
  EXPECT_EQ(script.open_at("slow"), 0U);
  EXPECT_EQ(script.scheduler().waste().duplicate_bytes, 0U);
}

TEST(Scheduler, events_of_cancelled_and_unknown_requests_are_ignored) {
  Script script;
  script.sources({"a", "b"});
  script.wants(1, kMiB);
  const RequestId first = script.request("a", 0);
  script.passes(600ms);
  script.verifies("b", 0);
  script.actions();
  for (const SchedulerEvent& event : std::vector<SchedulerEvent>{
           BytesArrived{first, 5}, BlockArrived{first, 5}, BlockVerified{first},
           BlockRejected{first, "late"}, RequestFailed{first, {}}, BlockVerified{777}}) {
    script.step(event);
  }
  EXPECT_THAT(script.actions(), IsEmpty());
  EXPECT_FALSE(script.stats("a").lost);
}

TEST(Scheduler, nothing_follows_the_end) {
  Script script;
  script.sources({"a"});
  script.no_more_wants();
  script.actions();
  script.wants(1, kMiB);
  script.passes(1s);
  EXPECT_THAT(script.actions(), IsEmpty());
}

TEST(Scheduler, cancels_what_is_open_when_it_gives_up) {
  Script script;
  script.sources({"a"});
  script.wants(2, kMiB);
  script.actions();
  script.misses("a", 0);
  EXPECT_THAT(script.actions(), ElementsAre("cancel a for 1", "gave up"));
}

TEST(Scheduler, takes_a_block_of_unknown_size) {
  Script script;
  script.sources({"a"});
  script.wants(1, 0);
  script.no_more_wants();
  script.verifies("a", 0, 3 * kMiB);
  EXPECT_THAT(script.actions(), ElementsAre("ask a for 0", "finished"));
  EXPECT_EQ(script.scheduler().in_flight_bytes(), 0U);
  EXPECT_EQ(script.stats("a").bytes, 3U * kMiB);
}

// Every step of a small pull is made to fail in turn, in each way: it ends complete from the other
// source, whatever fails and wherever.
TEST(Scheduler, completes_whichever_request_fails_in_whichever_way) {
  for (int kind = 0; kind < 5; ++kind) {
    for (int victim = 0; victim < 12; ++victim) {
      SCOPED_TRACE(fmt::format("kind {} at request {}", kind, victim));
      Script script;
      script.sources({"a", "b"});
      script.wants(8, kMiB);
      script.no_more_wants();
      int turn = 0;
      bool finished = false;
      for (int round = 0; round < 2000 && !finished; ++round) {
        for (const std::string name : {"a", "b"}) {  // tidy: nesting: every want
          for (WantId want = 0; want < 8; ++want) {  // tidy: nesting: every want
            if (!script.asks(name, want)) continue;
            const bool fails = turn++ == victim;
            if (!fails) script.verifies(name, want);
            if (fails && kind == 0) script.misses(name, want);
            if (fails && kind == 1) script.fails(name, want, Errc::unavailable, "reset");
            if (fails && kind == 2) script.lies(name, want);
            if (fails && kind == 3) script.fails(name, want, Errc::protocol, "not HTTP");
            // kind 4: no answer ever; the stall time-out or a rescue deals with it.
          }
        }
        script.passes(50ms);
        const auto actions = script.actions();
        finished = std::find(actions.begin(), actions.end(), "finished") != actions.end();
      }
      EXPECT_TRUE(finished);
      EXPECT_EQ(script.scheduler().in_flight_bytes(), 0U);
    }
  }
}

TEST(Scheduler, asks_a_source_of_files_only_for_what_lies_in_files) {
  Script script;
  script.step(SourceAdded{"files", true});
  script.wants(1, kMiB);
  EXPECT_EQ(script.error().code, Errc::not_found);
  EXPECT_THAT(script.error().message, HasSubstr("name a gateway"));
}

}  // namespace
}  // namespace accel::exchange
