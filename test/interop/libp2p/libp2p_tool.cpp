// SPDX-License-Identifier: Apache-2.0
// Our side of the live checks with other libp2p nodes. It prints one JSON document a line.
// usage: accel_libp2p_tool serve SECURITY
//        accel_libp2p_tool dial SECURITY ADDRESS [STREAMS]
// SECURITY: tls, noise or both. ACCEL_LISTEN: where serve listens, /ip4/127.0.0.1/tcp/0 if it isn't
// set. serve runs until its standard input ends; a line of it asks for the
// list of connections.
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/libp2p/host.hpp"
#include "accel/libp2p/swarm_key.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;
using nlohmann::json;

void say(const json& line) { fmt::print("{}\n", line.dump()), std::fflush(stdout); }

std::string name(Security security) { return security == Security::tls ? "tls" : "noise"; }

// ACCEL_SWARM_KEY names the key file of a private swarm.
HostOptions options_of(std::string_view security, bool listens) {
  HostOptions options;
  if (const char* const file = std::getenv("ACCEL_SWARM_KEY")) {
    options.swarm_key = load_swarm_key(file).value();
  }
  if (security == "tls") options.security = {Security::tls};
  if (security == "noise") options.security = {Security::noise};
  const char* const where = std::getenv("ACCEL_LISTEN");
  if (listens) {
    options.listen = {Multiaddr::parse(where != nullptr ? where : "/ip4/127.0.0.1/tcp/0").value()};
  }
  return options;
}

json describe(const ConnectionInfo& info) {
  return {{"peer", info.peer.to_string()}, {"remote", info.remote.to_string()},
          {"outbound", info.outbound},     {"security", name(info.security)},
          {"streams", info.streams},       {"round_trip_ms", to_ms(info.round_trip)},
          {"agent", info.agent},           {"protocols", info.protocols}};
}

Task<json> list(Host& host) {
  json all = json::array();
  for (const ConnectionInfo& info : host.connections()) all.push_back(describe(info));
  co_return all;
}

using Streams = std::vector<std::unique_ptr<Stream>>;

Task<void> open_into(Host& host, PeerId peer, Streams& streams) {
  // Kubo takes few streams of ping and identify from one peer; of bitswap it takes many.
  std::vector<std::string> protocols{"/ipfs/bitswap/1.2.0"};
  auto stream = co_await host.open(std::move(peer), std::move(protocols));
  if (!stream) co_return fail(stream.error());
  streams.push_back(std::move(*stream));
  co_return Status{};
}

// How many streams are open at once when all have been opened.
Task<std::size_t> open_many(Host& host, PeerId peer, std::size_t count) {
  Streams streams;
  const Executor executor = co_await asio::this_coro::executor;
  TaskGroup all(executor, "streams");
  for (std::size_t i = 0; i < count; ++i) all.spawn(open_into(host, peer, streams));
  const Status joined = co_await all.join();
  ACCEL_CO_CHECK(joined);
  co_return streams.size();
}

Task<json> dial(Host& host, Multiaddr address, std::size_t streams) {
  const auto peer = co_await host.connect(std::move(address));
  ACCEL_CO_CHECK(peer);
  auto pinging = host.ping(*peer);
  const auto took = co_await std::move(pinging);
  ACCEL_CO_CHECK(took);
  auto opening = open_many(host, *peer, streams);
  const auto opened = co_await std::move(opening);
  ACCEL_CO_CHECK(opened);
  for (int i = 0; i < 100 && host.connections().at(0).protocols.empty(); ++i) {
    const Status waited = co_await delay(std::chrono::milliseconds(20));
    ACCEL_CO_CHECK(waited);
  }
  json result = describe(host.connections().at(0));
  result["ping_ms"] = to_ms(*took);
  result["opened"] = *opened;
  co_return result;
}

int run_serve(std::string_view security) {
  IoThread io;
  const auto host = Host::start(io.executor(), options_of(security, true));
  if (!host) return say({{"error", host.error().to_string()}}), 1;
  say({{"id", (*host)->id().to_string()},
       {"address", (*host)->addresses().at(0).with_peer((*host)->id()).to_string()}});
  for (std::string line; std::getline(std::cin, line);) {
    say(sync_wait(io.executor(), list(**host)).value());
  }
  (void)sync_wait(io.executor(), (*host)->shutdown());
  return 0;
}

int run_dial(std::string_view security, std::string_view text, std::size_t streams) {
  const auto address = Multiaddr::parse(text);
  if (!address) return say({{"error", address.error().to_string()}}), 1;
  IoThread io;
  const auto host = Host::start(io.executor(), options_of(security, false)).value();
  const auto result = sync_wait(io.executor(), dial(*host, *address, streams));
  (void)sync_wait(io.executor(), host->shutdown());
  if (result) return say(*result), 0;
  say({{"error", result.error().to_string()}, {"code", errc_name(result.error().code)}});
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "serve") return run_serve(words[1]);
  if (words.size() >= 3 && words[0] == "dial") {
    return run_dial(words[1], words[2], words.size() > 3 ? std::stoul(words[3]) : 1);
  }
  fmt::print(stderr, "usage: accel_libp2p_tool serve SECURITY | dial SECURITY ADDRESS [STREAMS]\n");
  return 2;
}
