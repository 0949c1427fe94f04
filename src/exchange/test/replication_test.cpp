// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/replication.hpp"

#include <gmock/gmock.h>

#include "accel/core/random.hpp"
#include "scheduler_script.hpp"

namespace accel::exchange {
namespace {

using ::testing::HasSubstr;
using State = ReplicaAnswer::State;
using Kind = ReplicaRequest::Kind;
constexpr std::uint64_t kGiB = 1U << 30U;

ReplicaRequest request_of(std::uint64_t bytes = kGiB) {
  return {Kind::hold, testing::test_cid(1), bytes, 3600};
}
ReplicaRules open_rules() {
  ReplicaRules rules;
  rules.anybody = true;
  rules.quota_bytes = 10 * kGiB;
  rules.disk_free_bytes = 20 * kGiB;
  rules.longest_lease_s = 7200;
  return rules;
}

TEST(ReplicaMessage, comes_back_as_it_was_written) {
  const ReplicaRequest request = request_of();
  EXPECT_EQ(decode_replica_request(encode_replica(request)), request);
  for (const auto& free : {std::optional<std::uint64_t>{}, std::optional<std::uint64_t>{0},
                           std::optional<std::uint64_t>{5 * kGiB}}) {
    const ReplicaAnswer answer{State::fetching, free, 77, 60, "Because."};
    EXPECT_EQ(decode_replica_answer(encode_replica(answer)), answer);
  }
}

TEST(ReplicaMessage, whatever_is_sent_is_read_or_refused) {
  SeededRandom random(11);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = round % 2 == 0 ? encode_replica(request_of())
                                 : encode_replica(ReplicaAnswer{State::failed, 1, 2, 3, "x"});
    for (int changes = 0; changes < 3; ++changes) {
      bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.below(256));
    }
    bytes.resize(random.below(bytes.size() + 1));
    const auto request = decode_replica_request(bytes);
    if (!request) {
      EXPECT_EQ(request.error().code, Errc::protocol);
    }
    const auto answer = decode_replica_answer(bytes);
    if (!answer) {
      EXPECT_EQ(answer.error().code, Errc::protocol);
    }
  }
}

TEST(ReplicaMessage, refuses_what_is_too_long_or_names_no_root) {
  EXPECT_FALSE(decode_replica_request({}));
  EXPECT_FALSE(decode_replica_request(Bytes(kMaxReplicaMessageBytes + 1)));
  Bytes unknown = encode_replica(request_of());
  unknown[1] = 9;
  EXPECT_FALSE(decode_replica_request(unknown));
}

TEST(ReplicaMessage, a_reason_can_not_paint_the_screen) {
  const ReplicaAnswer answer{State::refused, {}, 0, 0, "\x1b[2J" + std::string(1000, 'x')};
  const auto read = decode_replica_answer(encode_replica(answer));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->reason.size(), kMaxReplicaReason);
  EXPECT_EQ(read->reason[0], '?');
}

TEST(ReplicaAdmission, nobody_is_served_unless_the_rules_say_so) {
  ReplicaRules rules = open_rules();
  rules.anybody = false;
  EXPECT_EQ(admit(rules, request_of(), "A", {}).state, State::refused);
  EXPECT_FALSE(admit(rules, request_of(), "A", {}).free_bytes) << "strangers learn nothing";
  rules.peers = {"A"};
  EXPECT_EQ(admit(rules, request_of(), "A", {}).state, State::willing);
  EXPECT_EQ(admit(rules, request_of(), "B", {}).state, State::refused);
}

TEST(ReplicaAdmission, the_quota_and_the_disk_are_kept_and_the_lease_is_cut) {
  const std::vector<KeptReplica> kept{{testing::test_cid(2), {"A"}, 9 * kGiB, State::holding}};
  const ReplicaAnswer fits = admit(open_rules(), request_of(kGiB), "A", kept);
  EXPECT_EQ(fits.state, State::willing);
  EXPECT_EQ(fits.free_bytes, kGiB);
  EXPECT_EQ(fits.lease_s, 3600U);
  const ReplicaAnswer larger = admit(open_rules(), request_of(kGiB + 1), "A", kept);
  EXPECT_EQ(larger.state, State::refused);
  EXPECT_THAT(larger.reason, HasSubstr("left for replicas"));
  ReplicaRules full = open_rules();
  full.disk_free_bytes = 5;
  EXPECT_EQ(admit(full, request_of(), "A", {}).state, State::refused);
  full = open_rules();
  full.longest_lease_s = 10;
  EXPECT_EQ(admit(full, request_of(), "A", {}).lease_s, 10U);
}

TEST(ReplicaAdmission, what_is_kept_already_is_kept_longer_even_when_all_is_full) {
  const std::vector<KeptReplica> kept{{testing::test_cid(1), {"A"}, 10 * kGiB, State::holding}};
  EXPECT_EQ(admit(open_rules(), request_of(10 * kGiB), "A", kept).state, State::holding);
}

TEST(ReplicaAdmission, only_few_are_fetched_at_a_time) {
  const std::vector<KeptReplica> kept{{testing::test_cid(2), {"A"}, 1, State::fetching},
                                      {testing::test_cid(3), {"A"}, 1, State::fetching}};
  EXPECT_THAT(admit(open_rules(), request_of(1), "A", kept).reason, HasSubstr("later"));
}

TEST(ReplicaAdmission, what_failed_takes_its_own_place_again) {
  const std::vector<KeptReplica> kept{{testing::test_cid(1), {"A"}, 9 * kGiB, State::failed}};
  EXPECT_EQ(admit(open_rules(), request_of(9 * kGiB), "A", kept).state, State::willing);
}

TEST(ReplicaAdmission, one_root_has_so_many_askers_and_no_more) {
  ReplicaRules rules = open_rules();
  rules.most_askers = 2;
  const std::vector<KeptReplica> kept{{testing::test_cid(1), {"A", "B"}, 1, State::holding}};
  EXPECT_EQ(admit(rules, request_of(), "B", kept).state, State::holding);
  EXPECT_THAT(admit(rules, request_of(), "C", kept).reason, HasSubstr("Enough peers"));
}

TEST(ReplicaAdmission, what_was_let_go_takes_room_until_it_is_collected) {
  ReplicaRules rules = open_rules();
  rules.uncollected_bytes = 9 * kGiB;
  EXPECT_EQ(admit(rules, request_of(kGiB), "A", {}).free_bytes, kGiB);
  EXPECT_THAT(admit(rules, request_of(kGiB + 1), "A", {}).reason, HasSubstr("left for replicas"));
  rules = open_rules();
  rules.uncollected = rules.most;
  EXPECT_EQ(admit(rules, request_of(1), "A", {}).state, State::refused);
}

TEST(CopyProgress, ends_what_stands_still) {
  using namespace std::chrono_literals;
  CopyProgress progress(kGiB, SteadyTime{});
  EXPECT_TRUE(progress.saw(10, SteadyTime{50s}));
  EXPECT_TRUE(progress.saw(10, SteadyTime{110s}));
  EXPECT_TRUE(progress.saw(9, SteadyTime{110s}));  // Its word may go back; ours does not.
  EXPECT_EQ(progress.have_bytes(), 10U);
  EXPECT_EQ(progress.saw(10, SteadyTime{111s}).error().code, Errc::timeout);
}

TEST(CopyProgress, ends_what_is_too_slow_altogether) {
  using namespace std::chrono_literals;
  const std::uint64_t bytes = 64U << 20U;
  CopyProgress progress(bytes, SteadyTime{}, {60s, 64U << 10U});  // 1024 s, and 60 s.
  Status last;
  SteadyTime now{};
  for (std::uint64_t have = 1; last; ++have) {  // A byte now and then.
    now += 30s;
    last = progress.saw(have, now);
  }
  EXPECT_EQ(last.error().code, Errc::timeout);
  EXPECT_GT(now, SteadyTime{1084s});
  EXPECT_LE(now, SteadyTime{1114s});
  CopyProgress liar(bytes, SteadyTime{});
  EXPECT_TRUE(liar.saw(UINT64_MAX, SteadyTime{}));
  EXPECT_EQ(liar.have_bytes(), bytes);
  EXPECT_FALSE(liar.saw(UINT64_MAX, SteadyTime{61s}));  // It has all and does not say so.
}

TEST(ReplicaPlacement, prefers_who_is_fast_and_reliable_and_says_what_is_unknown) {
  const std::vector<ReplicaCandidate> candidates{
      {"slow", "/ip4/10.0.0.1/tcp/1", 1e6, 0.0, 100 * kGiB},
      {"flaky", "/ip4/10.0.1.1/tcp/1", 1e7, 0.9, 100 * kGiB},
      {"good", "/ip4/10.0.2.1/tcp/1", 1e7, 0.0, 100 * kGiB},
      {"new", "/ip4/10.0.3.1/tcp/1", {}, {}, {}}};
  const auto places = place_replicas(candidates, kGiB, {});
  ASSERT_EQ(places.size(), 4U);
  EXPECT_EQ(places[0].peer, "good");
  EXPECT_EQ(places[1].peer, "slow");
  for (const auto& place : places) {
    if (place.peer != "new") continue;
    EXPECT_THAT(place.why, HasSubstr("not measured"));
    EXPECT_THAT(place.why, HasSubstr("not told"));
  }
}

TEST(ReplicaPlacement, leaves_out_who_has_no_room_and_spreads_over_networks) {
  const std::vector<ReplicaCandidate> candidates{
      {"a", "/ip4/10.0.0.1/tcp/1", 1e7, 0.0, 100 * kGiB},
      {"b", "/ip4/10.0.0.2/tcp/1", 1e7, 0.0, 100 * kGiB},
      {"c", "/ip4/10.9.0.1/tcp/1", 8e6, 0.0, 100 * kGiB},
      {"full", "/ip4/10.8.0.1/tcp/1", 1e8, 0.0, kGiB - 1}};
  const auto places = place_replicas(candidates, kGiB, {});
  ASSERT_EQ(places.size(), 3U);
  EXPECT_EQ(places[0].peer, "a");
  EXPECT_EQ(places[1].peer, "c");
  EXPECT_THAT(places[2].why, HasSubstr("same network"));
  EXPECT_EQ(place_replicas(candidates, kGiB, {"/ip4/10.0.0.9/tcp/1"})[0].peer, "c");
}

TEST(ReplicaPlacement, knows_the_network_of_an_address) {
  EXPECT_EQ(network_of("/ip4/10.1.2.3/tcp/4001"), "10.1.2");
  EXPECT_EQ(network_of("/ip6/2001:db8:1:2::1/tcp/4001"), "2001:db8:1");
  EXPECT_EQ(network_of("/dns/a.example/tcp/1"), "/dns/a.example/tcp/1");
}

}  // namespace
}  // namespace accel::exchange
