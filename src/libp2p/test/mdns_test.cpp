// SPDX-License-Identifier: Apache-2.0
// Messages of mDNS, and two hosts that hear of each other on loopback.
#include "accel/libp2p/mdns.hpp"

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/random.hpp"
#include "kad_peers.hpp"
#include "mdns/message.hpp"

namespace accel::libp2p {
namespace {

using namespace std::chrono_literals;
using mdns::Announcement;

Announcement announcement() {
  return {"0123456789abcdef0123456789abcdef",
          {test::address("/ip4/10.0.0.1/tcp/4001").with_peer(test::peer_id(1)),
           test::address("/ip6/fd00::1/tcp/4001").with_peer(test::peer_id(1))},
          {{10, 0, 0, 1}},
          4001};
}

TEST(MdnsMessage, asks_as_the_specification_says) {
  const Bytes question = mdns::encode_question();
  EXPECT_EQ(to_hex(question),
            "000000000001000000000000"
            "045f703270"
            "045f756470"
            "056c6f63616c"
            "00"
            "000c0001");
  EXPECT_TRUE(mdns::decode(question)->asks_for_peers);
}

TEST(MdnsMessage, tells_all_addresses_in_an_answer) {
  const auto read = mdns::decode(mdns::encode_answer(announcement()));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_FALSE(read->asks_for_peers);
  EXPECT_EQ(read->addresses, announcement().addresses);
}

TEST(MdnsMessage, reads_names_that_are_abbreviated_and_in_any_case) {
  // A question for _P2P._udp.local whose end points at another question's.
  const Bytes bytes = from_hex(
                          "000000000002000000000000"
                          "045f756470056c6f63616c00000c0001"
                          "045f503250c00c000c8001")
                          .value();
  EXPECT_TRUE(mdns::decode(bytes)->asks_for_peers);
}

TEST(MdnsMessage, passes_over_other_services) {
  Announcement other = announcement();
  const Bytes bytes = mdns::encode_answer(other);
  Bytes changed = bytes;
  for (std::size_t i = 0; i + 4 < changed.size(); ++i) {
    if (as_text(ByteView(changed).subspan(i, 4)) == "_p2p") changed[i + 1] = 'q';
  }
  EXPECT_TRUE(mdns::decode(changed)->addresses.empty());
  EXPECT_FALSE(mdns::decode(from_hex("000000000001000000000000"
                                     "055f68747470045f746370056c6f63616c"
                                     "00000c0001")
                                .value())
                   ->asks_for_peers);
}

TEST(MdnsMessage, leaves_out_addresses_that_are_too_long) {
  Announcement long_ones = announcement();
  const std::string host(200, 'a');
  long_ones.addresses.push_back(
      test::address("/dns4/" + host + "/tcp/4001").with_peer(test::peer_id(1)));
  EXPECT_EQ(mdns::decode(mdns::encode_answer(long_ones))->addresses.size(), 2U);
  for (int i = 0; i < 500; ++i) long_ones.addresses.push_back(long_ones.addresses[0]);
  const Bytes bytes = mdns::encode_answer(long_ones);
  EXPECT_LE(bytes.size(), mdns::kMaxMessageBytes);
  EXPECT_LE(mdns::decode(bytes)->addresses.size(), mdns::kMaxAddresses);
}

TEST(MdnsMessage, is_believed_about_the_senders_own_machine_only) {
  const auto at = [](const char* text, std::uint32_t peer) {
    return test::address(text).with_peer(test::peer_id(peer));
  };
  const mdns::Message told{false,
                           {at("/ip4/10.0.0.1/tcp/4001", 1), at("/ip4/10.0.0.2/tcp/22", 1),
                            at("/ip4/10.0.0.2/tcp/4001", 2), at("/ip6/fd00::1/tcp/4001", 1),
                            at("/ip4/10.0.0.1/tcp/4002", 3), at("/ip4/10.0.0.1/tcp/4003", 1)}};
  const auto peers = mdns::peers_at(test::address("/ip4/10.0.0.1/tcp/5353"), told);
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_EQ(peers[0].peer, test::peer_id(1));
  EXPECT_EQ(peers[0].addresses, (std::vector{test::address("/ip4/10.0.0.1/tcp/4001"),
                                             test::address("/ip4/10.0.0.1/tcp/4003")}));
  EXPECT_EQ(peers[1].peer, test::peer_id(3));
}

TEST(MdnsMessage, refuses_names_in_circles_and_what_is_cut_off) {
  EXPECT_FALSE(mdns::decode(from_hex("000000000001000000000000"
                                     "c00c000c0001")
                                .value()));
  EXPECT_FALSE(mdns::decode(from_hex("000000000001000000000000"
                                     "01")
                                .value()));
  EXPECT_FALSE(mdns::decode(from_hex("0000000000010000000000").value()));
  EXPECT_FALSE(mdns::decode(from_hex("000000000001000000000000"
                                     "8061")
                                .value()));
  EXPECT_FALSE(mdns::decode(Bytes(mdns::kMaxMessageBytes + 1)));
  const Bytes whole = mdns::encode_answer(announcement());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(mdns::decode(ByteView(whole).first(size))) << size;
  }
}

TEST(MdnsMessage, of_any_bytes_gives_addresses_with_a_peer_or_nothing) {
  SeededRandom random(3);
  const Bytes good = mdns::encode_answer(announcement());
  for (int round = 0; round < 10'000; ++round) {
    Bytes bytes = good;
    for (std::uint64_t i = 0; i <= random.below(6); ++i) {
      bytes.at(random.below(bytes.size())) = static_cast<std::uint8_t>(random.below(256));
    }
    const auto read = mdns::decode(bytes);
    if (!read) continue;
    for (const Multiaddr& address : read->addresses) EXPECT_TRUE(address.peer_id());
  }
}

struct Neighbour {
  Neighbour(IoThread& on, std::uint16_t port) : io(on) {
    HostOptions with;
    with.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    host = Host::start(io.executor(), std::move(with)).value();
    MdnsOptions options;
    options.interfaces = {"127.0.0.1"};
    options.port = port;
    options.first_pause = 100ms;
    auto started = Mdns::start(io.executor(), *host, metrics, options);
    EXPECT_TRUE(started) << started.error().to_string();
    if (started) mdns = std::move(*started);
  }
  ~Neighbour() {
    if (mdns) {
      EXPECT_TRUE(sync_wait(io.executor(), mdns->shutdown()));
    }
    EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
  }
  bool meets(const Neighbour& other) {
    const auto look = [](Host& from, PeerId peer) -> Task<bool> {
      co_return from.remote_of(peer).has_value();
    };
    for (int i = 0; i < 500; ++i) {
      if (sync_wait(io.executor(), look(*host, other.host->id())).value()) return true;
      EXPECT_TRUE(sync_wait(io.executor(), delay(10ms)));
    }
    return false;
  }
  IoThread& io;
  Metrics metrics;
  std::unique_ptr<Host> host;
  std::unique_ptr<Mdns> mdns;
};

TEST(Mdns, neighbours_meet) {
  IoThread io;
  const auto port = static_cast<std::uint16_t>(20'000 + system_random().below(10'000));
  Neighbour one(io, port);
  Neighbour other(io, port);
  EXPECT_TRUE(one.meets(other));
  EXPECT_TRUE(other.meets(one));
}

TEST(Mdns, without_an_interface_says_so) {
  IoThread io;
  auto host = Host::start(io.executor(), {}).value();
  Metrics metrics;
  const auto started = Mdns::start(io.executor(), *host, metrics, {});
  EXPECT_EQ(started.error().code, Errc::unavailable);
  EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
}

}  // namespace
}  // namespace accel::libp2p
