// SPDX-License-Identifier: Apache-2.0
#include "yamux_session.hpp"

#include <gtest/gtest.h>

#include "accel/core/random.hpp"

namespace accel::libp2p {
namespace {

using Kind = YamuxEvent::Kind;

Bytes frame(std::uint8_t type, std::uint16_t flags, std::uint32_t stream, std::uint32_t length,
            ByteView body = {}) {
  Bytes bytes(kYamuxHeaderBytes);
  put_yamux_header(bytes.data(), {0, type, flags, stream, length});
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

// Two sessions and the bytes between them; the clock moves when told to.
struct Line {
  explicit Line(YamuxOptions right_options = {}) : left({.dialer = true}), right(right_options) {}

  std::size_t pass(YamuxSession& from, YamuxSession& to) {
    RawBuffer bytes;
    from.take_output(bytes);
    EXPECT_TRUE(to.receive(bytes.view(), clock.now()));
    return bytes.size();
  }
  void settle() {
    while (pass(left, right) + pass(right, left) > 0) {
    }
  }
  Bytes read(YamuxSession& from, std::uint32_t id, std::size_t limit = 1 << 20) {
    Bytes out(limit);
    const auto count = from.read(id, std::as_writable_bytes(std::span(out)), clock.now());
    out.resize(count.value().value_or(0));
    return out;
  }

  ManualClock clock;
  YamuxSession left;
  YamuxSession right;
};

bool has(const std::vector<YamuxEvent>& events, Kind kind, std::uint32_t stream) {
  for (const YamuxEvent& event : events) {
    if (event.kind == kind && event.stream == stream) return true;
  }
  return false;
}

TEST(YamuxSession, carries_bytes_of_a_stream_and_its_end) {
  Line line;
  const auto id = line.left.open().value();
  EXPECT_EQ(id, 1U);
  EXPECT_EQ(line.left.write(id, Bytes{1, 2, 3}).value(), 3U);
  ASSERT_TRUE(line.left.close_write(id));
  line.settle();
  const auto events = line.right.take_events();
  EXPECT_TRUE(has(events, Kind::accepted, id));
  EXPECT_TRUE(has(events, Kind::readable, id));
  EXPECT_EQ(line.read(line.right, id), (Bytes{1, 2, 3}));
  std::array<std::byte, 4> rest{};
  EXPECT_EQ(line.right.read(id, rest, line.clock.now()).value(), 0U);
  EXPECT_EQ(line.left.write(id, Bytes{1}).error().code, Errc::invalid_argument);
  EXPECT_EQ(line.right.write(id, Bytes{9}).value(), 1U);
  line.settle();
  EXPECT_EQ(line.read(line.left, id), Bytes{9});
}

TEST(YamuxSession, sends_the_header_that_the_spec_shows) {
  YamuxSession session({.dialer = true});
  session.open().value();
  session.write(1, Bytes{0xaa}).value();
  RawBuffer out;
  session.take_output(out);
  EXPECT_EQ(to_hex(out.view()),
            "000100010000000100000000"
            "000000000000000100000001aa");
}

TEST(YamuxSession, takes_bytes_however_they_are_cut) {
  Line line;
  const auto id = line.left.open().value();
  line.left.write(id, Bytes(1000, 7)).value();
  RawBuffer bytes;
  line.left.take_output(bytes);
  for (const std::uint8_t byte : bytes.view()) {
    ASSERT_TRUE(line.right.receive({&byte, 1}, line.clock.now()));
  }
  EXPECT_EQ(line.read(line.right, id), Bytes(1000, 7));
}

TEST(YamuxSession, stops_at_the_window_and_goes_on_when_it_is_read) {
  Line line;
  const auto id = line.left.open().value();
  std::size_t sent = 0;
  while (const std::size_t part = line.left.write(id, Bytes(100'000, 1)).value()) {
    sent += part;
    line.pass(line.left, line.right);
  }
  EXPECT_EQ(sent, kYamuxInitialWindow);
  line.settle();
  line.left.take_events();
  EXPECT_EQ(line.read(line.right, id, 200'000).size(), 200'000U);
  line.settle();
  EXPECT_TRUE(has(line.left.take_events(), Kind::writable, id));
  EXPECT_GT(line.left.write(id, Bytes(100'000, 1)).value(), 0U);
}

TEST(YamuxSession, widens_the_window_of_a_fast_stream_up_to_the_limit_only) {
  Line line;
  ASSERT_TRUE(line.right.ping(line.clock.now(), 7));
  line.pass(line.right, line.left);
  line.clock.advance(std::chrono::milliseconds(100));
  line.settle();
  EXPECT_EQ(line.right.round_trip(), Duration(std::chrono::milliseconds(100)));
  const auto id = line.left.open().value();
  for (int i = 0; i < 2000; ++i) {
    line.left.write(id, Bytes(60'000, 1)).value();
    line.settle();
    line.read(line.right, id);
    line.settle();
    line.clock.advance(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(line.right.window(id), kYamuxMaxWindow);
}

TEST(YamuxSession, leaves_the_window_of_a_slow_stream_as_it_is) {
  Line line;
  ASSERT_TRUE(line.right.ping(line.clock.now(), 7));
  line.clock.advance(std::chrono::milliseconds(1));
  line.settle();
  const auto id = line.left.open().value();
  for (int i = 0; i < 100; ++i) {
    line.left.write(id, Bytes(60'000, 1)).value();
    line.settle();
    line.read(line.right, id);
    line.settle();
    line.clock.advance(std::chrono::milliseconds(100));
  }
  EXPECT_EQ(line.right.window(id), kYamuxInitialWindow);
}

TEST(YamuxSession, ends_when_a_peer_exceeds_its_window) {
  YamuxSession session({});
  ASSERT_TRUE(session.receive(frame(1, kYamuxSyn, 1, 0), {}));
  EXPECT_EQ(session.receive(frame(0, 0, 1, kYamuxInitialWindow + 1), {}).error().code,
            Errc::protocol);
  RawBuffer out;
  session.take_output(out);
  EXPECT_EQ(to_hex(out.view().last(12)), "000300000000000000000001");  // GoAway: protocol error.
  EXPECT_FALSE(session.receive(frame(2, kYamuxSyn, 0, 1), {}));
}

TEST(YamuxSession, ends_on_frames_that_the_spec_does_not_know) {
  Bytes version = frame(0, 0, 1, 0);
  version[0] = 1;
  for (const Bytes& bad : {version, frame(4, 0, 0, 0), frame(0, kYamuxSyn, 0, 0),
                           frame(0, kYamuxSyn, 2, 0), frame(0, 0, 7, 5), frame(0, 0, 2, 1), [] {
                             Bytes twice = frame(0, kYamuxSyn, 1, 0);
                             const Bytes again = twice;
                             twice.insert(twice.end(), again.begin(), again.end());
                             return twice;
                           }()}) {
    YamuxSession session({});
    EXPECT_EQ(session.receive(bad, {}).error().code, Errc::protocol) << to_hex(bad);
  }
}

TEST(YamuxSession, ends_when_a_window_passes_32_bits) {
  YamuxSession session({});
  ASSERT_TRUE(session.receive(frame(1, kYamuxSyn, 1, 0xffffffff - kYamuxInitialWindow), {}));
  EXPECT_FALSE(session.receive(frame(1, 0, 1, 1), {}));
}

TEST(YamuxSession, ends_on_data_after_the_end) {
  YamuxSession session({});
  ASSERT_TRUE(session.receive(frame(1, kYamuxSyn | kYamuxFin, 1, 0), {}));
  EXPECT_FALSE(session.receive(frame(0, 0, 1, 1), {}));
}

TEST(YamuxSession, resets_streams_beyond_the_limit) {
  YamuxSession session({.max_streams = 2});
  for (const std::uint32_t id : {1U, 3U, 5U}) {
    ASSERT_TRUE(session.receive(frame(1, kYamuxSyn, id, 0), {}));
  }
  EXPECT_EQ(session.streams(), 2U);
  RawBuffer out;
  session.take_output(out);
  EXPECT_EQ(to_hex(out.view().last(12)), "000100080000000500000000");
}

TEST(YamuxSession, resets_a_stream_that_fills_the_memory) {
  Line line({.max_buffered_bytes = 100'000});
  const auto id = line.left.open().value();
  line.left.write(id, Bytes(60'000, 1)).value();
  line.left.write(id, Bytes(60'000, 1)).value();
  line.settle();
  EXPECT_TRUE(has(line.left.take_events(), Kind::reset, id));
  EXPECT_EQ(line.right.buffered_bytes(), 0U);
  EXPECT_EQ(line.right.read(id, {}, line.clock.now()).error().code, Errc::unavailable);
}

TEST(YamuxSession, shares_a_budget_with_others_and_gives_it_back) {
  YamuxBudget budget{50'000, 0};
  {
    Line line({.budget = &budget});
    const auto id = line.left.open().value();
    line.left.write(id, Bytes(40'000, 1)).value();
    line.settle();
    EXPECT_EQ(budget.used, 40'000U);
    line.read(line.right, id, 10'000);
    EXPECT_EQ(budget.used, 30'000U);
    line.left.write(id, Bytes(40'000, 1)).value();
    line.settle();
    EXPECT_EQ(budget.used, 0U);  // Reset.
    const auto second = line.left.open().value();
    line.left.write(second, Bytes(1000, 1)).value();
    line.settle();
    EXPECT_EQ(budget.used, 1000U);
  }
  EXPECT_EQ(budget.used, 0U);
}

TEST(YamuxSession, takes_room_in_a_full_budget_from_the_stream_that_holds_most) {
  YamuxBudget budget{50'000, 0};
  Line greedy({.budget = &budget});
  Line modest({.budget = &budget});
  budget.make_room = [&](std::size_t at_least) {
    const auto most = greedy.right.largest();
    if (most.bytes >= at_least) greedy.right.evict(most.stream);
  };
  const auto large = greedy.left.open().value();
  const auto small = modest.left.open().value();
  greedy.left.write(large, Bytes(45'000, 1)).value();
  greedy.settle();
  modest.left.write(small, Bytes(10'000, 1)).value();
  modest.settle();
  EXPECT_EQ(budget.used, 10'000U);
  EXPECT_TRUE(has(greedy.right.take_events(), Kind::reset, large));
  EXPECT_EQ(modest.right.buffered_bytes(), 10'000U);
  modest.left.write(small, Bytes(45'000, 1)).value();  // It holds most itself now.
  modest.settle();
  EXPECT_EQ(budget.used, 0U);
}

TEST(YamuxSession, ends_when_a_peer_floods_it_with_pings) {
  YamuxSession session({});
  Status last;
  const Bytes ping = frame(2, kYamuxSyn, 0, 1);
  for (int i = 0; i < 100'000 && last; ++i) last = session.receive(ping, {});
  EXPECT_EQ(last.error().code, Errc::protocol);
  EXPECT_LE(session.queued_bytes(), kYamuxMaxQueuedControl + 100);
}

TEST(YamuxSession, answers_pings_and_notices_silence) {
  Line line;
  EXPECT_TRUE(line.left.ping(line.clock.now(), 7));
  EXPECT_FALSE(line.left.ping(line.clock.now(), 7));
  line.settle();
  EXPECT_TRUE(line.left.ping(line.clock.now(), 7));
}

TEST(YamuxSession, tells_the_other_side_of_a_reset) {
  Line line;
  const auto id = line.left.open().value();
  line.settle();
  line.right.reset(id);
  line.settle();
  EXPECT_TRUE(has(line.left.take_events(), Kind::reset, id));
  EXPECT_EQ(line.left.write(id, Bytes{1}).error().code, Errc::unavailable);
  line.left.release(id);
  line.right.release(id);
  EXPECT_EQ(line.left.streams() + line.right.streams(), 0U);
}

TEST(YamuxSession, delivers_what_was_written_when_the_writer_closes_and_leaves) {
  Line line;
  const auto id = line.left.open().value();
  line.left.write(id, Bytes(10, 3)).value();
  ASSERT_TRUE(line.left.close_write(id));
  line.left.release(id);
  line.settle();
  EXPECT_EQ(line.read(line.right, id), Bytes(10, 3));
  line.right.write(id, Bytes{1}).value();  // To somebody who has gone.
  line.settle();
  EXPECT_EQ(line.right.write(id, Bytes{1}).error().code, Errc::unavailable);
}

TEST(YamuxSession, holds_back_streams_that_the_peer_does_not_acknowledge) {
  YamuxSession session({.dialer = true});
  for (std::size_t i = 0; i < kYamuxAckBacklog; ++i) ASSERT_TRUE(session.open());
  EXPECT_EQ(session.open().error().code, Errc::resource_exhausted);
  ASSERT_TRUE(session.receive(frame(1, kYamuxAck, 1, 0), {}));
  EXPECT_TRUE(has(session.take_events(), Kind::openable, 1));
  EXPECT_TRUE(session.open());
}

TEST(YamuxSession, opens_nothing_after_go_away) {
  Line line;
  line.right.go_away(YamuxGoAway::normal);
  line.settle();
  EXPECT_EQ(line.left.open().error().code, Errc::unavailable);
  EXPECT_TRUE(line.left.peer_goes_away());
}

TEST(YamuxSession, bounds_what_waits_to_be_sent) {
  YamuxSession session({.dialer = true});
  std::size_t taken = 0;
  for (int i = 0; i < 100; ++i) {
    const auto id = session.open().value();
    while (const std::size_t part = session.write(id, Bytes(200'000, 1)).value()) taken += part;
  }
  EXPECT_EQ(taken, kYamuxMaxQueuedData);
  RawBuffer out;
  session.take_output(out);
  EXPECT_FALSE(session.take_events().empty());  // Those who wait are told.
}

// Random work on both sides; whatever is sent arrives, in order.
TEST(YamuxSession, delivers_everything_in_any_interleaving) {
  const auto seed = system_random().next_u64();
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  Line line;
  std::map<std::uint32_t, std::pair<Bytes, Bytes>> streams;  // Sent and received.
  for (int i = 0; i < 20; ++i) streams[line.left.open().value()] = {};
  for (int step = 0; step < 3000; ++step) {
    auto& [id, bytes] = *std::next(streams.begin(), static_cast<int>(random.below(20)));
    Bytes part(random.below(30'000));
    random.fill(part);
    const std::size_t taken = line.left.write(id, part).value();
    bytes.first.insert(bytes.first.end(), part.begin(), part.begin() + static_cast<int>(taken));
    if (random.below(3) == 0) line.settle();
    if (random.below(2) == 0 && line.right.window(id) > 0) {
      const Bytes got = line.read(line.right, id, 1 + random.below(50'000));
      bytes.second.insert(bytes.second.end(), got.begin(), got.end());
    }
  }
  line.settle();
  for (auto& [id, bytes] : streams) {
    for (Bytes got = line.read(line.right, id); !got.empty(); got = line.read(line.right, id)) {
      bytes.second.insert(bytes.second.end(), got.begin(), got.end());
    }
    EXPECT_EQ(bytes.first, bytes.second) << id;
  }
}

}  // namespace
}  // namespace accel::libp2p
