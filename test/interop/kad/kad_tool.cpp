// SPDX-License-Identifier: Apache-2.0
// Puts and gets signed values in the DHT of a LAN. It prints one JSON document.
// usage: accel_kad_tool get PEERS NAME ADDRESS
//        accel_kad_tool put PEERS NAME ADDRESS FILE
// PEERS: how many must be known first. NAME: k51…
#include <nlohmann/json.hpp>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/file.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/libp2p/kad.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;
using nlohmann::json;

struct Order {
  std::string what;
  std::size_t peers = 0;
  ipld::IpnsName name;
  Multiaddr address;
  std::string file;
};

Bytes key_of(const ipld::IpnsName& name) {
  Bytes key = to_bytes(kIpnsKeyPrefix);
  const Bytes hash = name.hash().bytes();
  key.insert(key.end(), hash.begin(), hash.end());
  return key;
}

Task<void> meet(Host& host, Kad& kad, Multiaddr address, std::size_t peers) {
  const auto connected = co_await host.connect(std::move(address));
  ACCEL_CO_CHECK(connected);
  for (int i = 0; i < 300 && kad.stat().peers < peers; ++i) {
    const Status waited = co_await delay(std::chrono::milliseconds(100));
    ACCEL_CO_CHECK(waited);
  }
  co_return Status{};
}

Result<json> put(IoThread& io, Kad& kad, const Order& order) {
  ACCEL_TRY(Bytes record, read_file(order.file, ipld::kMaxIpnsRecordBytes));
  auto putting = kad.put_value(key_of(order.name), std::move(record), {});
  ACCEL_TRY(const KadReport report, sync_wait(io.executor(), std::move(putting)));
  return json{{"closest", report.closest}, {"stored", report.stored}, {"asked", report.asked}};
}

Result<json> get(IoThread& io, Kad& kad, const Order& order) {
  auto getting = kad.get_value(key_of(order.name), {});
  ACCEL_TRY(const auto got, sync_wait(io.executor(), std::move(getting)));
  if (!got) return json{{"value", nullptr}};
  ACCEL_TRY(const auto record, ipld::read_ipns_record(order.name, *got));
  return json{{"value", record.value}, {"sequence", record.sequence}};
}

Result<json> run(const Order& order) {
  IoThread io;
  Metrics metrics;
  HostOptions with;
  with.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
  ACCEL_TRY(const auto host, Host::start(io.executor(), std::move(with)));
  KadOptions options;
  options.loopback = true;
  Kad kad(io.executor(), *host, system_clock(), metrics, options);
  kad.attach();
  auto meeting = meet(*host, kad, order.address, order.peers);
  const Status met = sync_wait(io.executor(), std::move(meeting));
  auto result = !met ? fail(Error(met.error()))
                     : (order.what == "put" ? put(io, kad, order) : get(io, kad, order));
  static_cast<void>(sync_wait(io.executor(), kad.shutdown()));
  static_cast<void>(sync_wait(io.executor(), host->shutdown()));
  return result;
}

Result<Order> read_arguments(const std::vector<std::string>& words) {
  if (words.size() < 5) return fail(Errc::invalid_argument, "See the head of kad_tool.cpp.");
  ACCEL_TRY(auto name, ipld::IpnsName::parse(words[3]));
  ACCEL_TRY(auto address, Multiaddr::parse(words[4]));
  return Order{words[1], std::stoul(words[2]), std::move(name), std::move(address),
               words.size() > 5 ? words[5] : std::string()};
}

}  // namespace

int main(int count, char** words) {
  const auto order = read_arguments({words, words + count});
  const auto result = order ? run(*order) : fail(Error(order.error()));
  const json shown = result ? *result : json{{"error", result.error().to_string()}};
  fmt::print("{}\n", shown.dump());
  return result ? 0 : 1;
}
