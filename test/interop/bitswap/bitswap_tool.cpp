// SPDX-License-Identifier: Apache-2.0
// One peer that serves or pulls over bitswap, and nothing else: what bench/bitswap_bench and
// test/interop/bitswap measure and check, without the rest of a node.
//
// usage: bitswap_tool serve STORE          prints its address, serves until its input ends
//        bitswap_tool add STORE PATH [--private]        prints the root
//        bitswap_tool pull STORE CID ADDRESS [OUT]      prints what came, as JSON
//        bitswap_tool get STORE CID ADDRESS             one block: prints its size
#include <cstdio>
#include <iostream>
#include <thread>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/exchange/bitswap.hpp"
#include "accel/exchange/fetcher.hpp"
#include "accel/net/http_client.hpp"

namespace {

using namespace accel;

int failed(const Error& error) {
  std::cerr << error.to_string() << "\n";
  return errc_exit_code(error.code);
}

// A store, a host and bitswap between them.
class PeerProcess {
 public:
  explicit PeerProcess(std::unique_ptr<blockstore::Store> store) : store_(std::move(store)) {}
  ~PeerProcess() {
    if (!host_) return;
    (void)sync_wait(io_.executor(), bitswap_->shutdown());
    (void)sync_wait(io_.executor(), host_->shutdown());
    host_.reset();
  }

  Status start(bool serve) {
    libp2p::HostOptions options;
    ACCEL_TRY(auto address, ipld::Multiaddr::parse("/ip4/127.0.0.1/tcp/0"));
    if (serve) options.listen.push_back(address);
    ACCEL_TRY(host_, libp2p::Host::start(io_.executor(), options));
    bitswap_ = std::make_unique<exchange::Bitswap>(
        io_.executor(), exchange::Bitswap::Context{*store_, pool_, system_clock(), metrics_},
        exchange::wire_of(*host_), exchange::BitswapOptions{.serve = serve});
    const auto attach = [](PeerProcess* self) -> Task<void> {
      self->bitswap_->attach(*self->host_);
      co_return Status{};
    };
    return sync_wait(io_.executor(), attach(this));
  }

  int serve() {
    std::cout << host_->addresses().front().with_peer(host_->id()).to_string() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
    }
    return 0;
  }

  int pull(const ipld::Cid& root, const std::string& address) {
    net::HttpClient client(io_.executor());
    exchange::Fetcher fetcher(*store_, client, pool_, system_clock(), metrics_);
    fetcher.use(*bitswap_);
    exchange::PullOptions options;
    options.peers = {address};
    const auto report = sync_wait(io_.executor(), fetcher.pull(root, std::move(options)));
    if (!report) return failed(report.error());
    std::printf("{\"bytes\": %llu, \"duplicate\": %llu, \"rejected\": %llu, \"seconds\": %.6f}\n",
                static_cast<unsigned long long>(report->bytes_fetched),
                static_cast<unsigned long long>(report->bytes_duplicate),
                static_cast<unsigned long long>(report->bytes_rejected), report->seconds);
    return 0;
  }

  int get(const ipld::Cid& cid, const ipld::Multiaddr& address) {
    const auto peer = sync_wait(io_.executor(), bitswap_->connect(address));
    if (!peer) return failed(peer.error());
    const auto block = sync_wait(io_.executor(), bitswap_->get(*peer, cid, {}, {}));
    if (!block) return failed(block.error());
    std::printf("%zu\n", block->size());
    return 0;
  }

  blockstore::Store& store() { return *store_; }

 private:
  IoThread io_;
  OffloadPool pool_;
  Metrics metrics_;
  std::unique_ptr<blockstore::Store> store_;
  std::unique_ptr<exchange::Bitswap> bitswap_;
  std::unique_ptr<libp2p::Host> host_;
};

int run(const std::vector<std::string>& words) {
  auto store = blockstore::Store::open({.directory = words.at(1)});
  if (!store) return failed(store.error());
  PeerProcess peer(std::move(*store));
  if (words[0] == "add") {
    blockstore::AddOptions options;
    options.is_private = words.back() == "--private";
    const auto added = peer.store().add(words.at(2), options);
    if (!added) return failed(added.error());
    std::cout << added->cid.to_string() << "\n";
    return 0;
  }
  if (const Status started = peer.start(words[0] == "serve"); !started) {
    return failed(started.error());
  }
  if (words[0] == "serve") return peer.serve();
  const auto cid = ipld::Cid::parse(words.at(2));
  const auto address = ipld::Multiaddr::parse(words.at(3));
  if (!cid) return failed(cid.error());
  if (!address) return failed(address.error());
  if (words[0] == "get") return peer.get(*cid, *address);
  if (const int code = peer.pull(*cid, words[3]); code != 0 || words.size() < 5) return code;
  const Status written = peer.store().export_to(*cid, words[4], {});
  return written ? 0 : failed(written.error());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) {
    std::cerr << "usage: bitswap_tool serve|add|pull|get STORE …\n";
    return 2;
  }
  return run(words);
}
