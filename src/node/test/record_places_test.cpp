// SPDX-License-Identifier: Apache-2.0
// Records asked of places that answer well, badly, late or not at all.
#include "names/record_places.hpp"

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"

namespace accel::node {
namespace {

using namespace std::chrono_literals;

Task<void> take(Bytes* into, Bytes record) {
  *into = std::move(record);
  co_return Status{};
}
Task<void> refuse() { co_return fail(Errc::unsupported, "It keeps none."); }
Task<Bytes> give(Bytes record) { co_return record; }
Task<Bytes> give_none() { co_return fail(Errc::not_found, "It has none."); }
Task<Bytes> never() {
  auto waiting = delay(std::chrono::hours(1));
  (void)co_await std::move(waiting);
  co_return fail(Errc::cancelled, "It was cancelled.");
}

class RecordPlacesTest : public testing::Test {
 protected:
  Bytes record(const std::string& value, std::uint64_t sequence, Duration life = 1h) {
    const auto until =
        system_clock().wall_now() + std::chrono::duration_cast<std::chrono::seconds>(life);
    return ipld::write_ipns_record(key_, {value, sequence, until, 5min}).value();
  }
  static RecordPlace giving(const std::string& name, Bytes bytes) {
    return {name, {}, [bytes](ipld::IpnsName) { return give(bytes); }, {}};
  }
  Result<RecordSearch> search(std::vector<RecordPlace> places) {
    return sync_wait(io_.executor(), find_best(std::move(places), name_, 200ms, system_clock()));
  }

  IoThread io_{1, "places"};
  SeededRandom random_{11};
  crypto::Ed25519Key key_ = crypto::Ed25519Key::generate(random_);
  ipld::IpnsName name_ = ipld::ipns_name_of(key_);
};

TEST_F(RecordPlacesTest, the_highest_sequence_wins_then_the_longest_validity) {
  const auto found = search({giving("old", record("/ipfs/bafkqaaa", 1, 9h)),
                             giving("best", record("/ipfs/bafkqaba", 2, 3h)),
                             giving("short", record("/ipfs/bafkqaba", 2, 1h))});
  ASSERT_TRUE(found && found->best);
  EXPECT_EQ(found->best->place, "best");
  EXPECT_EQ(found->best->record.value, "/ipfs/bafkqaba");
}

TEST_F(RecordPlacesTest, what_the_name_did_not_sign_or_has_expired_counts_for_nothing) {
  const auto other = crypto::Ed25519Key::generate(random_);
  const WallTime later = system_clock().wall_now() + 1h;
  const Bytes forged = ipld::write_ipns_record(other, {"/ipfs/bafkqaca", 99, later, 1min}).value();
  const auto found = search({giving("forger", forged), giving("garbage", to_bytes("hello")),
                             giving("late", record("/ipfs/bafkqaba", 9, -1h)),
                             giving("honest", record("/ipfs/bafkqaaa", 1))});
  ASSERT_TRUE(found && found->best);
  EXPECT_EQ(found->best->place, "honest");
  ASSERT_EQ(found->outcomes.size(), 4U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(found->outcomes[i].error) << i;
}

TEST_F(RecordPlacesTest, a_place_that_never_answers_holds_nobody_up) {
  const RecordPlace silent{"silent", {}, [](ipld::IpnsName) { return never(); }, {}};
  const RecordPlace empty{"empty", {}, [](ipld::IpnsName) { return give_none(); }, {}};
  const auto found = search({silent, empty, giving("honest", record("/ipfs/bafkqaaa", 1))});
  ASSERT_TRUE(found && found->best);
  EXPECT_EQ(found->outcomes[0].error->code, Errc::timeout);
  EXPECT_EQ(found->outcomes[1].error->code, Errc::not_found);
}

TEST_F(RecordPlacesTest, nobody_has_one_is_no_error) {
  const auto found = search({});
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->best);
}

TEST_F(RecordPlacesTest, a_record_goes_to_all_places_whoever_refuses_it) {
  Bytes kept;
  const RecordPlace keeps{
      "keeps", [&](ipld::IpnsName, Bytes bytes) { return take(&kept, std::move(bytes)); }, {}, {}};
  const RecordPlace refuses{"refuses", [](ipld::IpnsName, Bytes) { return refuse(); }, {}, {}};
  const Bytes sent = record("/ipfs/bafkqaaa", 1);
  const auto outcomes =
      sync_wait(io_.executor(), put_everywhere({refuses, keeps}, name_, sent, 200ms));
  ASSERT_TRUE(outcomes);
  EXPECT_TRUE(outcomes->at(0).error);
  EXPECT_FALSE(outcomes->at(1).error);
  EXPECT_EQ(kept, sent);
}

}  // namespace
}  // namespace accel::node
