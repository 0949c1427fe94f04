// SPDX-License-Identifier: Apache-2.0
#include "accel/core/trace.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace accel::trace {
namespace {

using namespace std::chrono_literals;

// The example of W3C Trace Context, section 3.2.
constexpr std::string_view kSender = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
constexpr std::string_view kUnsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

struct Recorder {
  explicit Recorder(double ratio = 1)
      : tracer(Tracer::make(clock, random, ratio,
                            [this](SpanRecord one) { spans.push_back(std::move(one)); })) {}
  ManualClock clock;
  SeededRandom random{7};
  std::vector<SpanRecord> spans;
  std::shared_ptr<Tracer> tracer;
};

std::string text_of(const SpanRecord& span, std::string_view key) {
  for (const Attribute& one : span.attributes) {
    if (one.first == key) return std::get<std::string>(one.second);
  }
  return {};
}

TEST(Traceparent, is_read_and_written_as_the_standard_says) {
  const auto context = parse_traceparent(kSender);
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace_id_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(context->span_id_hex(), "00f067aa0ba902b7");
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(traceparent_of(*context), kSender);
  EXPECT_FALSE(parse_traceparent(kUnsampled)->sampled);
}

TEST(Traceparent, of_a_later_version_is_read_as_far_as_it_is_known) {
  const std::string later = "cc" + std::string(kSender.substr(2));
  EXPECT_TRUE(parse_traceparent(later));
  EXPECT_TRUE(parse_traceparent(later + "-what-the-future-will-be-like"));
  EXPECT_FALSE(parse_traceparent(later + ".what-the-future-will-be-like"));
}

TEST(Traceparent, that_is_none_is_refused) {
  const std::string good(kSender);
  const auto with = [&](std::size_t at, char c) {
    std::string text = good;
    text[at] = c;
    return text;
  };
  const std::vector<std::string> bad{
      "",
      "00",
      good.substr(0, 54),
      good + "-",
      good + "-01",
      " " + good,
      "ff" + good.substr(2),
      with(0, 'g'),
      with(2, '_'),
      with(35, '0'),
      with(52, '0'),
      with(3, 'A'),  // Upper case is none.
      with(36, '\0'),
      with(53, '.'),
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
      std::string(100'000, '0'),
      std::string(55, '-'),
  };
  for (const std::string& text : bad) EXPECT_FALSE(parse_traceparent(text)) << text;
}

TEST(Tracestate, is_passed_on_as_it_came) {
  for (const std::string_view good :
       {"congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "a=1 , b=2", "a=1,,b=2",
        "tenant@vendor=x;y:z", "0a=1"}) {
    EXPECT_EQ(checked_tracestate(good), good);
  }
  EXPECT_EQ(checked_tracestate("  a=1\t"), "a=1");
}

TEST(Tracestate, that_breaks_the_rules_is_dropped_whole) {
  std::string many;
  for (int i = 0; i < 33; ++i) many += fmt::format("k{}=v,", i);
  for (const std::string& bad :
       {std::string("a"), std::string("=1"), std::string("A=1"), std::string("a="),
        std::string("a=1,a=2"), std::string("a=1=2"), std::string("a=\x01"),
        std::string("a=\xc3\xa4"), std::string("a b=1"), std::string("a=1\r\nEvil: yes"),
        std::string("t@v@w=1"), many, "a=" + std::string(257, 'x'), std::string(600, 'a'),
        std::string(",,,"), std::string()}) {
    EXPECT_EQ(checked_tracestate(bad), "") << bad;
  }
}

TEST(Tracer, goes_on_with_the_trace_of_the_sender) {
  Recorder it;
  {
    Span request = it.tracer->start_request("POST /v1/completions", kSender, "congo=t61rcWkgMzE");
    const Scope in(request.link());
    it.clock.advance(1ms);
    Span child = Span::start("load the model");
    child.set("accel.model.cid", "bafy");
    EXPECT_EQ(child.link()->context.state, "congo=t61rcWkgMzE");
    it.clock.advance(2ms);
  }
  ASSERT_EQ(it.spans.size(), 2U);
  const SpanRecord& child = it.spans[0];
  const SpanRecord& request = it.spans[1];
  EXPECT_EQ(request.context.trace_id_hex(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(child.context.trace_id, request.context.trace_id);
  EXPECT_EQ(child.parent, request.context.span_id);
  ASSERT_TRUE(request.parent);
  EXPECT_EQ(request.kind, SpanKind::server);
  EXPECT_EQ(text_of(child, "accel.model.cid"), "bafy");
  EXPECT_EQ(child.begin.time_since_epoch(), 1ms);
  EXPECT_EQ(child.end.time_since_epoch(), 3ms);
  EXPECT_EQ(request.begin.time_since_epoch(), 0ms);
  EXPECT_FALSE(request.failure);
}

TEST(Tracer, records_nothing_that_the_sender_did_not_want_and_passes_its_ids_on) {
  Recorder it;
  Span request = it.tracer->start_request("GET /", kUnsampled, "a=1");
  EXPECT_FALSE(request);
  const Scope in(request.link());
  EXPECT_FALSE(is_recording());
  const Span child = Span::start("anything");
  ASSERT_TRUE(child.link());
  EXPECT_EQ(traceparent_of(child.link()->context), kUnsampled);
  record("something", it.clock.now(), it.clock.now());
  request.end();
  EXPECT_TRUE(it.spans.empty());
}

TEST(Tracer, begins_anew_when_what_came_is_no_traceparent) {
  Recorder it;
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    Span request = it.tracer->start_request("GET /", "00-garbage", "a=1");
    ids.insert(request.link()->context.trace_id_hex());
    ids.insert(request.link()->context.span_id_hex());
    EXPECT_EQ(request.link()->context.state, "");  // Of a sender that nobody knows.
  }
  EXPECT_EQ(ids.size(), 2000U);
  EXPECT_FALSE(it.spans.front().parent);
}

TEST(Tracer, samples_the_share_that_it_is_told_and_heeds_a_parent_first) {
  Recorder none(0);
  Recorder tenth(0.1);
  for (int i = 0; i < 2000; ++i) {
    (void)none.tracer->start_request("a", "", "");
    (void)tenth.tracer->start_request("a", "", "");
  }
  EXPECT_TRUE(none.spans.empty());
  EXPECT_GT(tenth.spans.size(), 120U);
  EXPECT_LT(tenth.spans.size(), 300U);
  (void)none.tracer->start_request("a", kSender, "");
  EXPECT_EQ(none.spans.size(), 1U);
}

TEST(Span, is_nothing_where_nothing_traces) {
  EXPECT_FALSE(current());
  EXPECT_FALSE(is_recording());
  Span span = Span::start("work");
  span.set("number", 1).set("text", std::string("x")).fail({Errc::io, "No disk.", {}});
  span.end();
  EXPECT_FALSE(span.link());
  const Scope nothing(span.link());
  record("work", SteadyTime{}, SteadyTime{});
  EXPECT_FALSE(current());
}

TEST(Span, keeps_what_it_is_told_within_its_limits) {
  Recorder it;
  Span span = it.tracer->start_request(std::string(2000, 'n'), "", "");
  for (int i = 0; i < 100; ++i) span.set(fmt::format("key{}", i), i);
  span.set("key0", 2.5);
  std::string umlauts;
  for (int i = 0; i < 1000; ++i) umlauts += "ä";
  span.set("key1", umlauts);
  span.fail({Errc::io, "No disk.", {}});  // Its attribute finds no place; that it failed stays.
  span.end();
  span.end();
  ASSERT_EQ(it.spans.size(), 1U);
  const SpanRecord& record = it.spans.front();
  EXPECT_EQ(record.name.size(), kMaxTextBytes);
  EXPECT_EQ(record.attributes.size(), kMaxAttributes);
  EXPECT_EQ(std::get<double>(record.attributes[0].second), 2.5);
  EXPECT_EQ(text_of(record, "key1").size(), kMaxTextBytes);
  EXPECT_EQ(record.failure, "No disk.");
}

TEST(Scope, is_of_its_thread_alone_and_ends_in_order) {
  Recorder it;
  const Span outer = it.tracer->start_request("outer", "", "");
  const Scope in(outer.link());
  {
    const Span inner = Span::start("inner");
    const Scope deeper(inner.link());
    EXPECT_EQ(current(), inner.link());
    const Scope nothing(nullptr);
    EXPECT_EQ(current(), inner.link());
    std::jthread([] { EXPECT_FALSE(current()); }).join();
  }
  EXPECT_EQ(current(), outer.link());
}

TEST(Span, of_a_time_that_has_passed_is_recorded_with_its_times) {
  Recorder it;
  it.clock.advance(10ms);
  const Span request = it.tracer->start_request("request", "", "");
  const Scope in(request.link());
  const SteadyTime began = it.clock.now();
  it.clock.advance(5ms);
  record("wait", began, it.clock.now(), {{"accel.batch.rows", std::int64_t{4}}});
  ASSERT_EQ(it.spans.size(), 1U);
  EXPECT_EQ(it.spans[0].begin.time_since_epoch(), 10ms);
  EXPECT_EQ(it.spans[0].end.time_since_epoch(), 15ms);
  EXPECT_EQ(it.spans[0].parent, request.link()->context.span_id);
}

}  // namespace
}  // namespace accel::trace
