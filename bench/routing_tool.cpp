// SPDX-License-Identifier: Apache-2.0
// The DHT of a private network, of real nodes over TCP on loopback in one process: so many roots
// are told, each node telling its share one after another and all nodes side by side, then so many
// are looked for, one after another, by nodes that did not tell them. All nodes share one thread:
// the times bound from above what separate machines would need. Prints one JSON document.
// usage: routing_tool ROOTS NODES FINDS          (used by bench/routing_bench)
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/ipld/codec.hpp"
#include "accel/libp2p/kad.hpp"
#include "cpu_seconds.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;
using nlohmann::json;

constexpr Duration kMeetWithin = std::chrono::seconds(60);

struct Node {
  Metrics metrics;
  std::unique_ptr<Host> host;
  std::unique_ptr<Kad> kad;

  double asked() {
    return metrics
        .counter("accel_kad_asked_total", "Requests to peers of the DHT", {{"network", "lan"}})
        .value();
  }
};
using Nodes = std::vector<std::unique_ptr<Node>>;

struct Order {
  std::size_t roots = 0;
  std::size_t nodes = 0;
  std::size_t finds = 0;
};

ipld::Multihash root_of(std::size_t number) {
  return ipld::sha2_256(as_bytes("root " + std::to_string(number)));
}

double ms_since(SteadyTime began) { return to_ms(system_clock().now() - began); }

struct Told {
  std::vector<double> times_ms;
  std::size_t failed = 0;
  std::size_t stored = 0;
  std::size_t closest = 0;
};

Task<void> tell_share(Node* node, std::size_t first, Order order, Told* told) {
  for (std::size_t root = first; root < order.roots; root += order.nodes) {
    const SteadyTime began = system_clock().now();
    auto telling = node->kad->provide(root_of(root), {});
    const auto report = co_await std::move(telling);
    if (!report || report->stored == 0) {
      ++told->failed;
      continue;
    }
    told->times_ms.push_back(ms_since(began));
    told->stored += report->stored;
    told->closest += report->closest;
  }
  co_return Status{};
}

Task<void> tell_all(const Nodes* nodes, Order order, Told* told) {
  TaskGroup group(co_await asio::this_coro::executor, "tell");
  for (std::size_t i = 0; i < nodes->size(); ++i) {
    group.spawn(tell_share(nodes->at(i).get(), i, order, told));
  }
  auto joining = group.join();
  co_return co_await std::move(joining);
}

// Everybody knows the first node, and by it the others.
Task<void> meet(const Nodes* nodes) {
  const Multiaddr first = nodes->front()->host->addresses().front();
  const Multiaddr address = first.with_peer(nodes->front()->host->id());
  for (std::size_t i = 1; i < nodes->size(); ++i) {
    const auto met = co_await nodes->at(i)->host->connect(address);
    ACCEL_CO_CHECK(met);
  }
  const std::size_t enough = std::min<std::size_t>(nodes->size() - 1, 10);
  const SteadyTime end = system_clock().now() + kMeetWithin;
  for (bool all = false; !all && system_clock().now() < end;) {
    all = true;
    for (const auto& node : *nodes) {
      if (node->kad->stat().peers >= enough) continue;
      all = false;
      auto refreshing = node->kad->refresh({});
      const Status refreshed = co_await std::move(refreshing);
      static_cast<void>(refreshed);  // It is tried again.
    }
  }
  co_return Status{};
}

Task<bool> find_one(Node* finder, ipld::Multihash key, PeerId teller) {
  bool found = false;
  const Kad::OnProvider take = [&](const KadPeer& provider) {
    found = found || provider.id == teller;
    return !found;
  };
  auto finding = finder->kad->find_providers(std::move(key), 1, take, {});
  const auto told = co_await std::move(finding);
  co_return told.has_value() && found;
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double asked_by(const Nodes& nodes) {
  double sum = 0;
  for (const auto& node : nodes) sum += node->asked();
  return sum;
}

Result<json> tell(IoThread& io, const Nodes& nodes, const Order& order) {
  Told told;
  const double asked = asked_by(nodes);
  const double cpu = cpu_seconds();
  const SteadyTime began = system_clock().now();
  ACCEL_CHECK(sync_wait(io.executor(), tell_all(&nodes, order, &told)));
  const double seconds = ms_since(began) / 1000;
  return json{{"roots", order.roots},
              {"failed", told.failed},
              {"seconds", seconds},
              {"cpu_seconds", cpu_seconds() - cpu},
              {"median_ms", median(told.times_ms)},
              {"records_kept", told.stored},
              {"records_meant", told.closest},
              {"requests_each", (asked_by(nodes) - asked) / static_cast<double>(order.roots)}};
}

Result<json> find(IoThread& io, const Nodes& nodes, const Order& order) {
  std::vector<double> times_ms;
  std::size_t failed = 0;
  const double asked = asked_by(nodes);
  for (std::size_t i = 0; i < order.finds; ++i) {
    const std::size_t root = i * order.roots / order.finds;
    const std::size_t teller = root % nodes.size();
    Node* const finder = nodes[(teller + 1 + i % (nodes.size() - 1)) % nodes.size()].get();
    const SteadyTime began = system_clock().now();
    ACCEL_TRY(const bool found,
              sync_wait(io.executor(), find_one(finder, root_of(root), nodes[teller]->host->id())));
    times_ms.push_back(ms_since(began));
    failed += found ? 0 : 1;
  }
  return json{{"finds", order.finds},
              {"failed", failed},
              {"median_ms", median(times_ms)},
              {"max_ms", times_ms.empty() ? 0 : std::ranges::max(times_ms)},
              {"requests_each", (asked_by(nodes) - asked) / static_cast<double>(order.finds)}};
}

Result<json> run(const Order& order) {
  IoThread io;
  Nodes nodes;
  for (std::size_t i = 0; i < order.nodes; ++i) {
    auto node = std::make_unique<Node>();
    HostOptions with;
    with.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    with.limits.connections_per_ip = 2 * order.nodes;
    ACCEL_TRY(node->host, Host::start(io.executor(), std::move(with)));
    KadOptions options;
    options.loopback = true;
    node->kad =
        std::make_unique<Kad>(io.executor(), *node->host, system_clock(), node->metrics, options);
    node->kad->attach();
    nodes.push_back(std::move(node));
  }
  json result{{"nodes", order.nodes}, {"provenance", "measured"}};
  Status done = sync_wait(io.executor(), meet(&nodes));
  if (done) {
    auto told = tell(io, nodes, order);
    auto found = told ? find(io, nodes, order) : Result<json>(fail(Error(told.error())));
    if (found) result.update({{"provide", *told}, {"find", *found}});
    if (!found) done = fail(Error(found.error()));
  }
  for (const auto& node : nodes) {
    static_cast<void>(sync_wait(io.executor(), node->kad->shutdown()));
    static_cast<void>(sync_wait(io.executor(), node->host->shutdown()));
  }
  if (!done) return fail(Error(done.error()));
  return result;
}

}  // namespace

int main(int count, char** words) {
  Order order;
  if (count == 4) order = {std::stoul(words[1]), std::stoul(words[2]), std::stoul(words[3])};
  if (order.roots == 0 || order.nodes < 2 || order.finds == 0) {
    fmt::print(stderr, "usage: routing_tool ROOTS NODES FINDS\n");
    return 2;
  }
  const auto result = run(order);
  const json shown = result ? *result : json{{"error", result.error().to_string()}};
  fmt::print("{}\n", shown.dump(2));
  return result ? 0 : 1;
}
