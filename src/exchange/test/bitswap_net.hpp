// SPDX-License-Identifier: Apache-2.0
#pragma once
// A few bitswap nodes in one process, over streams in memory, each with a store of its own; and a
// peer that is played by hand, message by message. Everything runs on one I/O thread.

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/random.hpp"
#include "accel/exchange/bitswap.hpp"
#include "accel/exchange/fetcher.hpp"
#include "accel/libp2p/framed.hpp"
#include "bitswap/message.hpp"
#include "stream_pair.hpp"
#include "test_dag.hpp"

namespace accel::exchange::testing {

inline ipld::PeerId peer_id(int number) {
  const Bytes key{8, 1, 18, 4, 1, 2, 3, static_cast<std::uint8_t>(number)};
  return ipld::PeerId::of_public_key(key);
}

// What a hand-played peer does with the streams that are opened to it.
class PlayedPeer {
 public:
  virtual ~PlayedPeer() = default;
  // Each message that the node wrote; the views live as long as the call.
  virtual void on_message(const bitswap::Message& message) = 0;
};

class BitswapNet : public ::testing::Test {
 protected:
  struct TestNode {
    ipld::PeerId id;
    std::unique_ptr<blockstore::Store> store;
    std::unique_ptr<Bitswap> bitswap;
    std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
  };

  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("accel-bitswap-" + random_hex(system_random(), 8));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override {
    on_executor([this] {
      for (auto& [id, node] : nodes_) node->bitswap->peer_gone(peer_id(99));
    });
    for (auto& [id, node] : nodes_) {
      auto ending = node->bitswap->shutdown();
      EXPECT_TRUE(sync_wait(io_.executor(), std::move(ending)));
    }
    streams_.cancel();
    auto joining = streams_.join();
    (void)sync_wait(io_.executor(), std::move(joining));
    nodes_.clear();
    std::filesystem::remove_all(folder_);
  }

  TestNode& add_node(int number, BitswapOptions options = {}) {
    auto node = std::make_unique<TestNode>(TestNode{peer_id(number), nullptr, nullptr});
    auto store = blockstore::Store::open({.directory = folder_ / std::to_string(number)});
    EXPECT_TRUE(store) << store.error().message;
    node->store = std::move(*store);
    BitswapWire wire;
    const ipld::PeerId self = node->id;
    wire.connect = [this](ipld::Multiaddr address) { return connect(this, std::move(address)); };
    wire.open = [this, self](ipld::PeerId to, std::vector<std::string> protocols) {
      return open(this, self, std::move(to), std::move(protocols));
    };
    wire.connected = [this] { return connected_; };
    node->bitswap = std::make_unique<Bitswap>(
        io_.executor(), Bitswap::Context{*node->store, pool_, system_clock(), *node->metrics},
        std::move(wire), options);
    TestNode& added = *node;
    nodes_[added.id] = std::move(node);
    return added;
  }

  template <class F>
  void on_executor(F work) {
    auto run = [](F call) -> Task<void> {
      call();
      co_return Status{};
    };
    auto running = run(std::move(work));
    ASSERT_TRUE(sync_wait(io_.executor(), std::move(running)));
  }

  static void put(TestNode& node, const TestDag& dag, bool is_private = false) {
    blockstore::Store::BlockList blocks;
    for (const auto& [cid, block] : dag.blocks()) blocks.emplace_back(cid, block);
    ASSERT_TRUE(node.store->put_all(blocks, {.is_private = is_private}));
  }

  Result<Bytes> get(TestNode& node, const ipld::PeerId& from, const ipld::Cid& cid,
                    Duration limit = std::chrono::seconds(10)) {
    auto getting = with_timeout(node.bitswap->get(from, cid, {}, {}), limit);
    return sync_wait(io_.executor(), std::move(getting));
  }
  Result<PullReport> pull(TestNode& node, const ipld::Cid& root, PullOptions options) {
    net::HttpClient client(io_.executor());
    Fetcher fetcher(*node.store, client, pool_, system_clock(), *node.metrics);
    fetcher.use(*node.bitswap);
    options.limits.stall_timeout = std::chrono::seconds(2);
    options.limits.first_back_off = std::chrono::milliseconds(10);
    return sync_wait(io_.executor(), fetcher.pull(root, std::move(options)));
  }
  static PullOptions from(const std::vector<ipld::PeerId>& peers) {
    PullOptions options;
    for (const ipld::PeerId& peer : peers) options.peers.push_back(address_of(peer));
    return options;
  }
  static std::string address_of(const ipld::PeerId& peer) {
    return "/ip4/127.0.0.1/tcp/1/p2p/" + peer.to_string();
  }
  static ipld::PeerId liar_id() { return peer_id(9); }
  BitswapFigures figures(TestNode& node) {
    BitswapFigures total;
    on_executor([&] { total = node.bitswap->stat().total; });
    return total;
  }

  // A peer played by hand. Runs on the I/O thread; so do say() and open_stream().
  void play(int number, PlayedPeer& peer) { played_[peer_id(number)] = &peer; }
  // A stream from the played peer to a node, as its own outbound one.
  libp2p::Stream& open_stream(int from, TestNode& to,
                              const std::string& protocol = "/ipfs/bitswap/1.2.0") {
    StreamPair pair = stream_pair(io_.executor(), peer_id(from), to.id, protocol);
    streams_.spawn(to.bitswap->accept(std::move(pair.there)));
    ours_.push_back(std::move(pair.here));
    return *ours_.back();
  }
  void say(libp2p::Stream& stream, bitswap::MessageBuilder& builder) {
    say_bytes(stream, to_bytes(builder.finish()));
  }
  void say_bytes(libp2p::Stream& stream, Bytes bytes) {
    streams_.spawn(write(stream, std::move(bytes)));
  }

  std::filesystem::path folder_;
  IoThread io_{1, "net"};
  OffloadPool pool_{2};
  TaskGroup streams_{io_.executor(), "streams"};
  std::map<ipld::PeerId, std::unique_ptr<TestNode>> nodes_;
  std::map<ipld::PeerId, PlayedPeer*> played_;
  std::vector<std::unique_ptr<libp2p::Stream>> ours_;
  std::vector<ipld::PeerId> connected_;
  std::string protocol_ = "/ipfs/bitswap/1.2.0";
  std::optional<ipld::PeerId> deaf_;  // Accepts streams and never reads.
  int opened_ = 0;

 private:
  static Task<void> write(libp2p::Stream& stream, Bytes bytes) {
    auto writing = stream.write_all(bytes);
    (void)co_await std::move(writing);
    co_return Status{};
  }
  static Task<ipld::PeerId> connect(BitswapNet* net, ipld::Multiaddr address) {
    const ipld::PeerId peer = *address.peer_id();
    if (net->nodes_.contains(peer) || net->played_.contains(peer)) co_return peer;
    co_return fail(Errc::unavailable, "Nobody listens at {}.", address);
  }
  static Task<std::unique_ptr<libp2p::Stream>> open(BitswapNet* net, ipld::PeerId from,
                                                    ipld::PeerId to,
                                                    std::vector<std::string> protocols) {
    EXPECT_EQ(protocols, bitswap_protocols());
    ++net->opened_;
    StreamPair pair = stream_pair(net->io_.executor(), from, to, net->protocol_);
    if (const auto node = net->nodes_.find(to); node != net->nodes_.end()) {
      net->streams_.spawn(node->second->bitswap->accept(std::move(pair.there)));
    } else if (net->deaf_ == to) {
      net->ours_.push_back(std::move(pair.there));
    } else if (const auto player = net->played_.find(to); player != net->played_.end()) {
      net->streams_.spawn(listen(player->second, std::move(pair.there)));
    } else {
      co_return fail(Errc::unavailable, "The peer {} is not here.", to);
    }
    std::unique_ptr<libp2p::Stream> here = std::move(pair.here);
    co_return here;
  }
  static Task<void> listen(PlayedPeer* player, std::unique_ptr<libp2p::Stream> stream) {
    libp2p::FramedReader reader(*stream, bitswap::kMaxMessageBytes);
    while (true) {
      auto reading = reader.read();
      const auto frame = co_await std::move(reading);
      if (!frame || !*frame) break;
      const auto message = bitswap::decode_message(**frame);
      EXPECT_TRUE(message);
      if (message) player->on_message(*message);
    }
    co_return Status{};
  }
};

}  // namespace accel::exchange::testing
