// SPDX-License-Identifier: Apache-2.0
// The shell of bitswap between nodes in one process, and against a peer that is played by hand.
#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "bitswap_net.hpp"

namespace accel::exchange {
namespace {

using bitswap::Message;
using bitswap::MessageBuilder;
using bitswap::WantEntry;
using bitswap::WantType;
using testing::BitswapNet;
using ::testing::HasSubstr;
using testing::noise;
using testing::peer_id;
using testing::PlayedPeer;
using testing::TestDag;
using namespace std::chrono_literals;

// Calls a function for each message, and remembers who was asked for what.
class Scripted final : public PlayedPeer {
 public:
  void on_message(const Message& message) override {
    for (const WantEntry& want : message.wants) {
      if (want.cancel) {
        ++cancels;
      } else {
        wanted.push_back(want);
      }
    }
    for (const auto& block : message.blocks) {
      blocks.push_back(*cid_of(block.prefix, block.bytes));
    }
    presences.insert(presences.end(), message.presences.begin(), message.presences.end());
    if (answer) answer(message);
    ++messages;
  }
  std::function<void(const Message&)> answer;
  std::vector<WantEntry> wanted;
  std::vector<ipld::Cid> blocks;
  std::vector<bitswap::Presence> presences;
  std::atomic<int> messages = 0;
  int cancels = 0;
};

class BitswapNode : public BitswapNet {
 protected:
  bool wait_until(const std::function<bool()>& holds) {
    for (int i = 0; i < 500; ++i) {
      bool now = false;
      on_executor([&] { now = holds(); });
      if (now) return true;
      auto waiting = delay(10ms);
      (void)sync_wait(io_.executor(), std::move(waiting));
    }
    return false;
  }
  static void add_block(MessageBuilder& builder, const ipld::Cid& cid, ByteView bytes) {
    std::ranges::copy(bytes, builder.add_block(cid, bytes.size()).begin());
  }
};

TEST_F(BitswapNode, sends_no_faster_than_it_may) {
  TestNode& giver = add_node(1, {.max_upload_rate = 2U << 20U});
  TestNode& taker = add_node(2);
  TestDag dag;
  const auto item = dag.add_file(testing::noise(5, 1U << 20U), ipld::unixfs_v1_2025());
  put(giver, dag);
  const SteadyTime began = system_clock().now();
  ASSERT_TRUE(pull(taker, item.cid, from({giver.id})));
  EXPECT_GE(system_clock().now() - began, 250ms) << "1 MiB at 2 MiB/s, of which 0.2 s at once";
}

TEST_F(BitswapNode, a_block_goes_from_one_node_to_the_other) {
  TestDag dag;
  const auto block = dag.add_block(ipld::Codec::raw, noise(1, 300000));
  auto& seed = add_node(1);
  auto& reader = add_node(2);
  put(seed, dag);
  const auto got = get(reader, seed.id, block.cid);
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(*got, noise(1, 300000));
  ASSERT_TRUE(wait_until([&] { return seed.bitswap->stat().total.blocks_sent == 1; }));
  EXPECT_EQ(figures(seed).bytes_sent, 300000U);
  EXPECT_EQ(figures(reader).bytes_received, 300000U);
  EXPECT_EQ(figures(reader).bytes_duplicate, 0U);
  EXPECT_EQ(figures(reader).owed, 0U);
  EXPECT_THAT(seed.metrics->prometheus_text(),
              HasSubstr("accel_bitswap_bytes_total{kind=\"sent\"} 300000"));
}

TEST_F(BitswapNode, what_a_peer_lacks_is_not_found_and_not_asked_again_at_once) {
  auto& empty = add_node(1);
  auto& reader = add_node(2);
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("nowhere")));
  EXPECT_EQ(get(reader, empty.id, cid).error().code, Errc::not_found);
  EXPECT_EQ(get(reader, empty.id, cid).error().code, Errc::not_found);
  EXPECT_EQ(figures(empty).wants_received, 1U);
}

TEST_F(BitswapNode, a_private_block_is_not_there_for_others) {
  TestDag dag;
  const auto hidden = dag.add_block(ipld::Codec::raw, noise(1, 500));
  auto& seed = add_node(1);
  auto& reader = add_node(2);
  put(seed, dag, /*is_private=*/true);
  ASSERT_TRUE(seed.store->pin(hidden.cid, {.name = "secret", .is_private = true}));
  EXPECT_EQ(get(reader, seed.id, hidden.cid).error().code, Errc::not_found);
  EXPECT_EQ(figures(seed).blocks_sent, 0U);
}

TEST_F(BitswapNode, a_node_that_serves_nothing_answers_nothing) {
  TestDag dag;
  const auto block = dag.add_block(ipld::Codec::raw, noise(1, 500));
  auto& seed = add_node(1, {.serve = false});
  auto& reader = add_node(2);
  put(seed, dag);
  EXPECT_EQ(get(reader, seed.id, block.cid, 300ms).error().code, Errc::timeout);
}

TEST_F(BitswapNode, a_peer_that_is_not_here_is_unavailable) {
  auto& reader = add_node(2);
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("x")));
  EXPECT_EQ(get(reader, peer_id(7), cid).error().code, Errc::unavailable);
  // Whoever never came leaves nothing behind.
  EXPECT_TRUE(wait_until([&] { return reader.bitswap->stat().peers.empty(); }));
}

TEST_F(BitswapNode, nobody_need_be_asked_for_no_bytes) {
  auto& reader = add_node(2);
  const auto got = get(reader, peer_id(7), ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256({})));
  ASSERT_TRUE(got);
  EXPECT_TRUE(got->empty());
}

TEST_F(BitswapNode, a_hash_that_is_not_computed_here_is_not_asked_for) {
  auto& reader = add_node(2);
  const auto hash = ipld::Multihash::wrap(ipld::HashCode{0x1234}, Bytes(32, 7));
  const auto got = get(reader, peer_id(7), ipld::Cid::v1(ipld::Codec::raw, *hash));
  EXPECT_EQ(got.error().code, Errc::unsupported);
}

TEST_F(BitswapNode, a_block_hashed_with_blake3_is_fetched) {
  TestDag dag;
  const Bytes bytes = noise(1, 5000);
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, *ipld::hash_with(ipld::HashCode::blake3, bytes));
  dag.put(cid, bytes);
  auto& seed = add_node(1);
  auto& reader = add_node(2);
  put(seed, dag);
  const auto got = get(reader, seed.id, cid);
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_EQ(*got, bytes);
}

TEST_F(BitswapNode, a_peer_that_sends_blocks_of_no_known_hash_is_cut_off) {
  auto& reader = add_node(2);
  Scripted liar;
  play(9, liar);
  libp2p::Stream* stream = nullptr;
  on_executor([&] { stream = &open_stream(9, reader); });
  const auto hash = ipld::Multihash::wrap(ipld::HashCode{0x1234}, Bytes(32, 7));
  const auto strange = ipld::Cid::v1(ipld::Codec::raw, *hash);
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("wanted")));
  liar.answer = [&](const Message& message) {
    if (message.wants.empty() || message.wants.front().cancel) return;
    // The first has no bytes at all: no field of data, alone in its message.
    say_bytes(*stream, *from_hex("081a060a0401551220"));
    for (std::uint64_t i = 0; i < 10; ++i) {
      MessageBuilder builder;
      add_block(builder, strange, noise(i, 1000));
      say(*stream, builder);
    }
  };
  const auto got = get(reader, liar_id(), cid);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::protocol);
}

TEST_F(BitswapNode, pulls_a_folder_from_a_peer_with_no_gateway) {
  TestDag dag;
  const auto big = dag.add_file(noise(1, 60 * 1024 + 7));
  const auto wrapped = dag.add_file(noise(2, 50 * 1024), testing::tiny_profile(false));
  const auto small = dag.add_file(noise(3, 10));
  const auto shard = dag.add_sharded(small, big);
  const auto root = dag.add_folder({{"big", big}, {"s", shard}, {"wrapped", wrapped}});
  auto& seed = add_node(1);
  auto& reader = add_node(2);
  put(seed, dag);
  const auto report = pull(reader, root.cid, from({seed.id}));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->bytes_fetched, dag.bytes());
  EXPECT_EQ(report->bytes_duplicate, 0U);
  EXPECT_EQ(report->sources.at(0).url, address_of(seed.id));
  EXPECT_EQ(report->sources.at(0).bytes, dag.bytes());
  for (const auto& [cid, block] : dag.blocks()) EXPECT_EQ(reader.store->get(cid), block);
  EXPECT_EQ(opened_, 2) << "one stream each way";
}

TEST_F(BitswapNode, two_peers_share_a_pull_without_duplicates) {
  TestDag dag;
  const auto file = dag.add_file(noise(1, 300 * 1024));
  auto& first = add_node(1);
  auto& second = add_node(2);
  auto& reader = add_node(3);
  put(first, dag);
  put(second, dag);
  const auto report = pull(reader, file.cid, from({first.id, second.id}));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->bytes_fetched, dag.bytes());
  EXPECT_LE(report->bytes_duplicate, dag.bytes() / 50);
}

TEST_F(BitswapNode, what_one_peer_lacks_comes_from_another) {
  TestDag dag, half;
  const auto file = dag.add_file(noise(1, 100 * 1024));
  std::size_t count = 0;
  for (const auto& [cid, block] : dag.blocks()) {
    if (count++ % 2 == 0) half.put(cid, block);
  }
  auto& first = add_node(1);
  auto& second = add_node(2);
  auto& reader = add_node(3);
  put(first, half);
  put(second, dag);
  const auto report = pull(reader, file.cid, from({first.id, second.id}));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->bytes_fetched, dag.bytes());
}

TEST_F(BitswapNode, connected_peers_that_have_the_root_become_sources) {
  TestDag dag;
  const auto file = dag.add_file(noise(1, 100 * 1024));
  auto& seed = add_node(1);
  auto& stranger = add_node(2);
  auto& reader = add_node(3);
  put(seed, dag);
  connected_ = {seed.id, stranger.id};
  PullOptions options;
  options.ask_connected_peers = true;
  const auto report = pull(reader, file.cid, options);
  ASSERT_TRUE(report) << report.error().to_string();
  ASSERT_EQ(report->sources.size(), 1U);
  EXPECT_EQ(report->sources.at(0).url, "/p2p/" + seed.id.to_string());
}

TEST_F(BitswapNode, nobody_who_is_connected_has_it) {
  auto& stranger = add_node(2);
  auto& reader = add_node(3);
  connected_ = {stranger.id};
  PullOptions options;
  options.ask_connected_peers = true;
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("nowhere")));
  const auto report = pull(reader, cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::not_found);
}

TEST_F(BitswapNode, nobody_who_is_connected_learns_of_a_private_root) {
  TestDag dag, part;
  const auto file = dag.add_file(noise(1, 100 * 1024));
  part.put(file.cid, dag.blocks().at(file.cid));
  auto& seed = add_node(1);
  auto& stranger = add_node(2);
  auto& reader = add_node(3);
  auto& keeper = add_node(4);
  put(seed, dag);
  put(stranger, dag);
  connected_ = {seed.id, stranger.id};
  PullOptions options = from({seed.id});
  options.ask_connected_peers = true;
  options.is_private = true;
  const auto report = pull(reader, file.cid, options);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(figures(stranger).wants_received, 0U);
  // Its pin says so, or the block's own mark; and the call does not.
  put(keeper, part, /*is_private=*/true);
  options.is_private = false;
  const auto kept = pull(keeper, file.cid, options);
  ASSERT_TRUE(kept) << kept.error().to_string();
  EXPECT_EQ(figures(stranger).wants_received, 0U);
}

TEST_F(BitswapNode, nobody_is_asked_for_what_is_here) {
  TestDag dag;
  const auto file = dag.add_file(noise(1, 100 * 1024));
  auto& stranger = add_node(2);
  auto& reader = add_node(3);
  put(reader, dag);
  connected_ = {stranger.id};
  PullOptions options;
  options.ask_connected_peers = true;
  const auto report = pull(reader, file.cid, options);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(figures(stranger).wants_received, 0U);
  EXPECT_EQ(opened_, 0);
}

TEST_F(BitswapNode, an_address_without_a_peer_is_refused) {
  auto& reader = add_node(3);
  PullOptions options;
  options.peers = {"/ip4/127.0.0.1/tcp/4001"};
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("x")));
  const auto report = pull(reader, cid, options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::invalid_argument);
}

TEST_F(BitswapNode, speaks_1_0_0_with_those_who_know_no_other) {
  TestDag dag;
  const Bytes text = noise(1, 700);
  const auto cid = ipld::Cid::v0(ipld::sha2_256(text));
  dag.put(cid, text);
  auto& seed = add_node(1);
  put(seed, dag);
  protocol_ = "/ipfs/bitswap/1.0.0";
  Scripted old;
  play(9, old);
  on_executor([&] {
    MessageBuilder builder;
    const std::vector<WantEntry> wants{{cid, 1, WantType::block, false, false}};
    builder.set_wants(wants, true);
    say(open_stream(9, seed, protocol_), builder);
  });
  ASSERT_TRUE(wait_until([&] { return !old.blocks.empty(); }));
  EXPECT_EQ(old.blocks.front(), cid);
}

TEST_F(BitswapNode, a_broken_message_ends_its_stream_and_no_other) {
  TestDag dag;
  const auto block = dag.add_block(ipld::Codec::raw, noise(1, 100));
  auto& seed = add_node(1);
  auto& reader = add_node(2);
  put(seed, dag);
  for (const char* hex : {"ffffffffffffffffff01", "8180800400", "0312ff01", "050a030a01ff"}) {
    on_executor([&] { say_bytes(open_stream(9, seed), *from_hex(hex)); });
  }
  ASSERT_TRUE(wait_until([&] { return seed.bitswap->stat().total.bad_messages == 4; }));
  EXPECT_TRUE(get(reader, seed.id, block.cid));
}

TEST_F(BitswapNode, too_many_streams_of_one_peer_are_refused) {
  auto& seed = add_node(1);
  std::vector<libp2p::Stream*> streams;
  on_executor([&] {
    for (int i = 0; i < 3; ++i) streams.push_back(&open_stream(9, seed));
  });
  Result<std::size_t> last = std::size_t{1};
  std::array<std::byte, 1> byte{};
  auto reading = streams.back()->read_some(byte);
  last = sync_wait(io_.executor(), std::move(reading));
  EXPECT_EQ(last.error().code, Errc::unavailable);
}

TEST_F(BitswapNode, a_peer_that_sends_what_nobody_asked_for_is_cut_off) {
  auto& reader = add_node(2);
  Scripted liar;
  play(9, liar);
  libp2p::Stream* stream = nullptr;
  on_executor([&] { stream = &open_stream(9, reader); });
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("wanted")));
  liar.answer = [&](const Message& message) {
    if (message.wants.empty() || message.wants.front().cancel) return;
    for (std::uint64_t i = 0; i < 10; ++i) {
      const Bytes other = noise(i, 1000);
      MessageBuilder builder;
      add_block(builder, ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(other)), other);
      say(*stream, builder);
    }
  };
  const auto got = get(reader, liar_id(), cid);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::protocol);
  EXPECT_GT(figures(reader).bytes_unasked, 4000U);
}

TEST_F(BitswapNode, a_pull_goes_on_without_a_peer_that_lies_or_promises) {
  TestDag dag;
  const auto file = dag.add_file(noise(1, 60 * 1024));
  auto& seed = add_node(1);
  auto& reader = add_node(2);
  put(seed, dag);
  Scripted promises;
  play(9, promises);
  libp2p::Stream* stream = nullptr;
  on_executor([&] { stream = &open_stream(9, reader); });
  promises.answer = [&](const Message& message) {
    for (const WantEntry& want : message.wants) {
      MessageBuilder builder;
      builder.add_presence({want.cid, true});
      if (!want.cancel) say(*stream, builder);
    }
  };
  const auto report = pull(reader, file.cid, from({liar_id(), seed.id}));
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->sources.at(0).bytes, 0U);
  EXPECT_EQ(report->bytes_fetched, dag.bytes());
}

TEST_F(BitswapNode, who_stops_waiting_takes_the_want_back) {
  auto& reader = add_node(2);
  Scripted silent;
  play(9, silent);
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("x")));
  std::stop_source stop;
  Task<Bytes> getting = reader.bitswap->get(liar_id(), cid, stop.get_token(), {});
  TaskGroup tasks(io_.executor(), "test");
  auto forget = [](Task<Bytes> task) -> Task<void> {
    (void)co_await std::move(task);
    co_return Status{};
  };
  tasks.spawn(forget(std::move(getting)));
  ASSERT_TRUE(wait_until([&] { return silent.wanted.size() == 1; }));
  on_executor([&] { stop.request_stop(); });
  EXPECT_TRUE(wait_until([&] { return silent.cancels == 1; }));
  EXPECT_EQ(figures(reader).owed, 0U);
  auto joining = tasks.join();
  (void)sync_wait(io_.executor(), std::move(joining));
}

TEST_F(BitswapNode, a_block_that_comes_twice_is_counted) {
  auto& reader = add_node(2);
  Scripted twice;
  play(9, twice);
  const Bytes bytes = noise(5, 2000);
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(bytes));
  libp2p::Stream* stream = nullptr;
  on_executor([&] { stream = &open_stream(9, reader); });
  twice.answer = [&](const Message& message) {
    if (message.wants.empty()) return;
    MessageBuilder builder;
    add_block(builder, cid, bytes);
    add_block(builder, cid, bytes);
    say(*stream, builder);
  };
  EXPECT_EQ(get(reader, liar_id(), cid), bytes);
  EXPECT_EQ(figures(reader).bytes_duplicate, 2000U);
}

TEST_F(BitswapNode, the_end_of_a_connection_ends_the_wait) {
  auto& reader = add_node(2);
  Scripted silent;
  play(9, silent);
  silent.answer = [&](const Message&) { reader.bitswap->peer_gone(liar_id()); };
  const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes("x")));
  EXPECT_EQ(get(reader, liar_id(), cid).error().code, Errc::unavailable);
  EXPECT_TRUE(figures(reader).owed == 0);
}

TEST_F(BitswapNode, a_peer_that_stops_inside_a_message_is_cut_off) {
  auto& reader = add_node(2, {.slow_message = 200ms});
  libp2p::Stream* stream = nullptr;
  on_executor([&] {
    stream = &open_stream(9, reader);
    say_bytes(*stream, *from_hex("8008deadbeef"));
  });
  std::array<std::byte, 1> byte{};
  auto reading = with_timeout(stream->read_some(byte), 5s);
  EXPECT_EQ(sync_wait(io_.executor(), std::move(reading)).error().code, Errc::unavailable);
}

TEST_F(BitswapNode, a_message_that_comes_byte_by_byte_is_cut_off) {
  auto& reader = add_node(2, {.slow_message = 300ms});
  libp2p::Stream* stream = nullptr;
  on_executor([&] {
    stream = &open_stream(9, reader);
    say_bytes(*stream, *from_hex("8008"));
  });
  for (int i = 0; i < 30; ++i) {
    on_executor([&] { say_bytes(*stream, Bytes(1)); });
    auto waiting = delay(50ms);
    (void)sync_wait(io_.executor(), std::move(waiting));
  }
  std::array<std::byte, 1> byte{};
  auto reading = with_timeout(stream->read_some(byte), 5s);
  EXPECT_EQ(sync_wait(io_.executor(), std::move(reading)).error().code, Errc::unavailable);
}

TEST_F(BitswapNode, who_holds_most_of_unfinished_messages_loses_its_streams) {
  TestDag dag;
  const auto block = dag.add_block(ipld::Codec::raw, noise(1, 30000));
  auto& seed = add_node(1);
  auto& reader = add_node(2, {.receiving_bytes = 100000});
  put(seed, dag);
  libp2p::Stream* large = nullptr;
  on_executor([&] {
    large = &open_stream(9, reader);
    Bytes begun(90000);  // Of a message of a mebibyte.
    begun[0] = begun[1] = 0x80;
    begun[2] = 0x40;
    say_bytes(*large, begun);
  });
  EXPECT_TRUE(get(reader, seed.id, block.cid));
  on_executor([&] { say_bytes(*large, Bytes(20000)); });
  std::array<std::byte, 1> byte{};
  auto reading = with_timeout(large->read_some(byte), 5s);
  EXPECT_EQ(sync_wait(io_.executor(), std::move(reading)).error().code, Errc::unavailable);
}

TEST_F(BitswapNode, a_peer_that_does_not_read_is_given_up) {
  TestDag dag;
  std::vector<WantEntry> wants;
  for (std::uint64_t i = 0; i < 8; ++i) {
    const auto block = dag.add_block(ipld::Codec::raw, noise(i, 1U << 20U));
    wants.push_back({block.cid, 1, WantType::block, false, true});
  }
  auto& seed = add_node(1, {.write_stall = 200ms});
  put(seed, dag);
  // It opens a stream for its wants, and never reads from the one that brings the blocks.
  on_executor([&] {
    MessageBuilder builder;
    builder.set_wants(wants, true);
    deaf_ = peer_id(9);
    say(open_stream(9, seed), builder);
  });
  ASSERT_TRUE(wait_until([&] { return opened_ == 1; }));
  EXPECT_TRUE(wait_until([&] { return seed.bitswap->stat().total.wantlist == 0; }));
  EXPECT_EQ(figures(seed).blocks_sent, 0U);
}

}  // namespace
}  // namespace accel::exchange
