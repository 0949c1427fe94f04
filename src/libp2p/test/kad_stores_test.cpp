// SPDX-License-Identifier: Apache-2.0
// What is kept for others, for how long, and what is refused.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "accel/ipld/ipns_record.hpp"
#include "accel/libp2p/key_file.hpp"
#include "kad/message.hpp"
#include "kad/provider_store.hpp"
#include "kad/request_budget.hpp"
#include "kad/value_store.hpp"
#include "kad_peers.hpp"

namespace accel::libp2p::kad {
namespace {

using namespace std::chrono_literals;
using test::kad_peer;
using test::number_bytes;
using test::peer_id;

constexpr SteadyTime kStart{};

TEST(ProviderStore, tells_the_newest_first_until_they_expire) {
  ProviderStore store;
  store.add({1}, kad_peer(1), kStart);
  store.add({1}, kad_peer(2), kStart + 1h);
  const auto both = store.find({1}, 10, kStart + 2h);
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].id, peer_id(2));
  EXPECT_EQ(store.find({1}, 1, kStart + 2h).size(), 1U);
  EXPECT_EQ(store.find({1}, 10, kStart + 48h).size(), 1U);
  EXPECT_TRUE(store.find({2}, 10, kStart).empty());
  store.expire(kStart + 48h);
  EXPECT_EQ(store.records(), 1U);
  store.expire(kStart + 49h);
  EXPECT_EQ(store.records() + store.keys(), 0U);
}

TEST(ProviderStore, forgets_addresses_before_records) {
  ProviderStore store;
  store.add({1}, kad_peer(1), kStart);
  EXPECT_FALSE(store.find({1}, 1, kStart + 23h)[0].addresses.empty());
  EXPECT_TRUE(store.find({1}, 1, kStart + 24h)[0].addresses.empty());
  store.add({1}, kad_peer(1), kStart + 25h);  // Announced again: one record, fresh addresses.
  EXPECT_EQ(store.records(), 1U);
  EXPECT_FALSE(store.find({1}, 1, kStart + 48h)[0].addresses.empty());
}

TEST(ProviderStore, is_bounded_by_key_by_peer_and_in_all) {
  ProviderLimits limits;
  limits.records = 20;
  limits.of_one_key = 3;
  limits.of_one_peer = 10;
  ProviderStore store(limits);
  for (std::uint32_t i = 0; i < 8; ++i) {
    EXPECT_TRUE(store.add({1}, kad_peer(i), kStart + std::chrono::seconds(i)));
  }
  const auto kept = store.find({1}, 10, kStart + 1min);
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[2].id, peer_id(5));
  std::size_t taken = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    if (store.add(number_bytes(i), kad_peer(100), kStart + 1min)) ++taken;
  }
  EXPECT_EQ(taken, 10U);
  for (std::uint32_t i = 0; i < 50; ++i) {
    store.add(number_bytes(i), kad_peer(200 + i), kStart + 2min);
  }
  EXPECT_EQ(store.records(), 20U);
}

TEST(ProviderStore, at_its_limit_a_peer_pushes_nobody_out) {
  ProviderLimits limits;
  limits.of_one_key = 2;
  limits.of_one_peer = 1;
  ProviderStore store(limits, peer_id(7));
  EXPECT_TRUE(store.add({1}, kad_peer(1), kStart));
  EXPECT_TRUE(store.add({1}, kad_peer(2), kStart));
  EXPECT_TRUE(store.add({2}, kad_peer(3), kStart));
  EXPECT_FALSE(store.add({1}, kad_peer(3), kStart + 1min));
  EXPECT_EQ(store.find({1}, 10, kStart + 1min).size(), 2U);
  EXPECT_TRUE(store.add({2}, kad_peer(3), kStart + 1min));  // What it has it may renew.
  for (std::uint32_t i = 1; i < 9; ++i)
    EXPECT_TRUE(store.add(number_bytes(i), kad_peer(7), kStart));
  EXPECT_TRUE(store.add({1}, kad_peer(7), kStart));  // Ours is the one that others do not push out.
  EXPECT_TRUE(store.add({1}, kad_peer(8), kStart + 1h));
  EXPECT_TRUE(store.add({1}, kad_peer(9), kStart + 1h));
  EXPECT_EQ(store.find({1}, 10, kStart + 1h).back().id, peer_id(7));
}

// As many addresses as are kept, each as long as may be.
KadPeer heavy_peer(std::uint32_t number) {
  const Multiaddr longest = test::address("/ip4/10.0.0.1/tcp/1/dns/" + std::string(110, 'a'));
  return {peer_id(number), std::vector(8, longest)};
}

TEST(ProviderStore, is_bounded_by_bytes) {
  ProviderLimits limits;
  limits.bytes = 100'000;
  ProviderStore store(limits);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    store.add(number_bytes(i), heavy_peer(i), kStart + std::chrono::seconds(i));
    ASSERT_LE(store.bytes(), limits.bytes);
  }
  EXPECT_GT(store.records(), 20U);
  EXPECT_EQ(store.find(number_bytes(999), 1, kStart + 1h).size(), 1U);  // The newest stay.
  store.add(number_bytes(999), kad_peer(999), kStart + 2h);             // Renewed, and lighter.
  store.expire(kStart + 100h);
  EXPECT_EQ(store.bytes(), 0U);
}

TEST(ProviderStore, gives_each_machine_a_share) {
  ProviderLimits limits;
  limits.of_one_group = 3;
  ProviderStore store(limits);
  const auto add = [&](std::uint32_t number, const char* machine) {
    return store.add(number_bytes(number), kad_peer(number), kStart, machine);
  };
  EXPECT_TRUE(add(1, "10.0.0.1") && add(2, "10.0.0.1") && add(3, "10.0.0.1"));
  EXPECT_FALSE(add(4, "10.0.0.1"));  // Another id of the same machine.
  EXPECT_TRUE(add(4, "10.0.0.2"));
  EXPECT_TRUE(add(1, "10.0.0.1"));  // What is there it may renew;
  EXPECT_TRUE(add(1, "10.0.0.2"));  // and who has moved makes room.
  EXPECT_TRUE(add(5, "10.0.0.1"));
  EXPECT_FALSE(add(6, "10.0.0.1"));
  for (std::uint32_t i = 10; i < 20; ++i) EXPECT_TRUE(add(i, ""));
  store.expire(kStart + 48h);
  EXPECT_TRUE(add(6, "10.0.0.1"));
}

TEST(RequestBudget, lets_bursts_through_and_delays_what_goes_on) {
  RequestBudget budget({10, 5, 30s, 100});
  for (int i = 0; i < 5; ++i) EXPECT_EQ(budget.take("a", kStart), 0ms);
  EXPECT_EQ(budget.take("a", kStart), 100ms);
  EXPECT_EQ(budget.take("a", kStart), 200ms);
  EXPECT_EQ(budget.take("b", kStart), 0ms);
  EXPECT_EQ(budget.take("a", kStart + 300ms), 0ms);
  EXPECT_EQ(budget.take("a", kStart + 300ms), 100ms);
  EXPECT_EQ(budget.take("a", kStart + 1h), 0ms);
}

TEST(RequestBudget, lets_nobody_wait_longer_than_its_limit) {
  RequestBudget budget({10, 5, 2s, 100});
  for (int i = 0; i < 1'000; ++i) EXPECT_LE(budget.take("a", kStart), 2s);
  EXPECT_EQ(budget.take("a", kStart), 2s);
  EXPECT_EQ(budget.take("a", kStart + 3s), 0ms);
}

TEST(RequestBudget, remembers_few_machines) {
  RequestBudget budget({10, 1, 30s, 2});
  EXPECT_EQ(budget.take("a", kStart) + budget.take("b", kStart), 0ms);
  EXPECT_EQ(budget.take("c", kStart), 0ms);  // From here on they share one budget.
  EXPECT_EQ(budget.take("d", kStart), 100ms);
  EXPECT_LE(budget.size(), 3U);
  EXPECT_EQ(budget.take("e", kStart + 1s), 0ms);  // Those have their whole budgets again.
  EXPECT_EQ(budget.size(), 1U);
}

Bytes record_of(const std::string& name) {
  const std::string folder = ACCEL_TEST_DATA "/gateway/ipns/";
  std::ifstream file(folder + name + ".ipns-record", std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

Bytes ipns_key(const std::string& name) {
  Bytes key = to_bytes(kIpnsKeyPrefix);
  const auto hash = ipld::IpnsName::parse(name).value().hash().bytes();
  key.insert(key.end(), hash.begin(), hash.end());
  return key;
}

// Of ipfs/gateway-conformance; valid for a hundred years.
const std::string kNamed = "k51qzi5uqu5dlkw8pxuw9qmqayfdeh4kfebhmreauqdc6a7c3y7d5i9fi8mk9w_v1-v2";
const std::string kName = kNamed.substr(0, 62);
const std::string kBroken =
    "k51qzi5uqu5diamp7qnnvs1p1gzmku3eijkeijs3418j23j077zrkok63xdm8c_v1-v2-broken-signature-v2";
const WallTime kToday = WallTime(std::chrono::seconds(1'795'000'000));

TEST(ValueStore, keeps_a_signed_record_and_nothing_else) {
  ValueStore store;
  const Bytes key = ipns_key(kName);
  const Bytes record = record_of(kNamed);
  ASSERT_FALSE(record.empty());
  const Status put = store.put(key, record, kStart, kToday);
  ASSERT_TRUE(put) << put.error().to_string();
  EXPECT_EQ(store.get(key, kStart, kToday)->value, record);
  EXPECT_TRUE(store.put(key, record, kStart, kToday));  // The same again.
  Bytes changed = record;
  changed[changed.size() / 2] ^= 1U;
  EXPECT_FALSE(store.put(key, changed, kStart, kToday));
  EXPECT_FALSE(store.put(ipns_key(kBroken.substr(0, 62)), record, kStart, kToday));
  EXPECT_FALSE(store.put(ipns_key(kBroken.substr(0, 62)), record_of(kBroken), kStart, kToday));
  EXPECT_EQ(store.put(to_bytes("/v/x"), {1}, kStart, kToday).error().code, Errc::invalid_argument);
  EXPECT_EQ(store.put(to_bytes("/ipns/short"), record, kStart, kToday).error().code,
            Errc::invalid_argument);
  EXPECT_EQ(store.put(key, Bytes(kMaxValueBytes + 1), kStart, kToday).error().code,
            Errc::resource_exhausted);
}

TEST(ValueStore, forgets_after_two_days_and_when_the_record_expires) {
  ValueStore store;
  const Bytes key = ipns_key(kName);
  ASSERT_TRUE(store.put(key, record_of(kNamed), kStart, kToday));
  EXPECT_FALSE(store.get(key, kStart, kToday + std::chrono::hours(24 * 365 * 200)));
  EXPECT_FALSE(store.get(key, kStart + 48h, kToday));
  store.expire(kStart + 48h);
  EXPECT_EQ(store.size(), 0U);
}

// A key and its value, by distance from the id that is all zeros.
using Values = std::map<KadId, std::pair<Bytes, Bytes>>;
Values public_keys(std::size_t count) {
  Values out;
  while (out.size() < count) {
    const PeerId peer = peer_id_of(crypto::Ed25519Key::generate(system_random()));
    Bytes key = to_bytes(kPublicKeyPrefix);
    const Bytes id = peer.bytes();
    key.insert(key.end(), id.begin(), id.end());
    out[kad_id_of(key)] = {key, to_bytes(peer.inline_key())};
  }
  return out;
}

TEST(ValueStore, makes_room_by_forgetting_what_is_farthest) {
  ValueStore store({}, ValueLimits{2, 10, 10, 48h});
  const Values values = public_keys(4);
  auto next = values.begin();
  const auto put = [&](auto at, const ValueSender& from) {
    return store.put(at->second.first, at->second.second, kStart, kToday, from);
  };
  const auto first = next++;
  const auto second = next++;
  const auto third = next++;
  const ValueSender other{peer_id(1), {}};
  EXPECT_TRUE(put(third, other));
  EXPECT_TRUE(put(second, other));
  EXPECT_EQ(put(next, other).error().code, Errc::resource_exhausted);  // Farther than all.
  EXPECT_TRUE(put(first, other));
  EXPECT_FALSE(store.get(third->second.first, kStart, kToday));
  EXPECT_TRUE(put(next, {}));  // This node's own: always.
  EXPECT_FALSE(store.get(second->second.first, kStart, kToday));
  EXPECT_TRUE(put(second, other) || put(first, other));
  EXPECT_TRUE(store.get(next->second.first, kStart, kToday));
  EXPECT_EQ(store.size(), 2U);
  EXPECT_FALSE(store.put(first->second.first, next->second.second, kStart, kToday));
}

TEST(ValueStore, gives_each_peer_and_each_machine_a_share) {
  ValueStore store({}, ValueLimits{100, 3, 5, 48h});
  const Values values = public_keys(20);
  const auto honest = std::prev(values.end());  // The farthest of all.
  ASSERT_TRUE(store.put(honest->second.first, honest->second.second, kStart, kToday,
                        {peer_id(100), "10.0.0.2"}));
  const auto flood = [&](std::uint32_t peers) {
    std::uint32_t i = 0;
    for (const auto& [distance, value] : values) {
      const ValueSender from{peer_id(i++ % peers), "10.0.0.1"};
      const Status put = store.put(value.first, value.second, kStart, kToday, from);
      static_cast<void>(put);  // Refused above the share, and when the honest one is repeated.
    }
    return store.size() - 1;
  };
  EXPECT_EQ(flood(1), 3U);
  EXPECT_EQ(flood(7), 5U);
  EXPECT_TRUE(store.get(honest->second.first, kStart, kToday));
}

}  // namespace
}  // namespace accel::libp2p::kad
