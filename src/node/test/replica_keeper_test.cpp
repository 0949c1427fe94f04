// SPDX-License-Identifier: Apache-2.0
// What is kept for others: the promises, the room they take, and pins that go away.
#include "peers/replica_keeper.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/lock_wait.hpp"
#include "accel/node/settings.hpp"

namespace accel::node {
namespace {

using namespace std::chrono_literals;
using exchange::ReplicaRequest;
using Kind = ReplicaRequest::Kind;
using State = exchange::ReplicaAnswer::State;

constexpr std::size_t kBytes = 600'000;  // Of a root; one of two fits into the quota below.

class ReplicaKeeperTest : public testing::Test {
 protected:
  ReplicaKeeperTest() {
    std::string pattern = testing::TempDir() + "keeper-XXXXXX";
    home_.root = mkdtemp(pattern.data());
    config_ = load_settings(
        {home_, {}, {{"replication.accept", "any"}, {"replication.max_bytes", "1000000"}}});
    services_ = std::make_unique<Services>(home_, *config_, true);
    store_ = services_->store().value();
    keeper_ = std::make_unique<ReplicaKeeper>(*services_, *store_);
  }
  ~ReplicaKeeperTest() override {
    end_keeper();
    services_.reset();
    std::filesystem::remove_all(home_.root);
  }
  void end_keeper() {
    EXPECT_TRUE(sync_wait(services_->io().executor(), keeper_->shutdown()));
    keeper_.reset();
  }
  // In the store, and not pinned.
  ipld::Cid put(std::uint8_t fill) {
    const Bytes block(kBytes, fill);
    const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(block));
    EXPECT_TRUE(store_->put(cid, block));
    return cid;
  }
  exchange::ReplicaAnswer say(Kind kind, const ipld::Cid& root) {
    return keeper_->answer({kind, root, kBytes, 3600}, "asker");
  }
  State settled(const ipld::Cid& root) {
    for (int i = 0; i < 500 && say(Kind::status, root).state == State::fetching; ++i) {
      EXPECT_TRUE(pause_for(20ms, {}));
    }
    return say(Kind::status, root).state;
  }
  State hold(const ipld::Cid& root) {
    const State said = say(Kind::hold, root).state;
    return said == State::fetching ? settled(root) : said;
  }

  Home home_;
  Result<Config> config_ = fail(Errc::internal, "Not loaded.");
  std::unique_ptr<Services> services_;
  blockstore::Store* store_ = nullptr;
  std::unique_ptr<ReplicaKeeper> keeper_;
};

TEST_F(ReplicaKeeperTest, what_was_let_go_takes_room_until_gc) {
  const ipld::Cid first = put(1);
  const ipld::Cid second = put(2);
  ASSERT_EQ(hold(first), State::holding);
  EXPECT_EQ(say(Kind::offer, second).state, State::refused);
  say(Kind::release, first);
  EXPECT_EQ(say(Kind::status, first).state, State::refused);
  EXPECT_EQ(say(Kind::offer, second).state, State::refused);  // Its bytes lie there still.
  end_keeper();
  keeper_ = std::make_unique<ReplicaKeeper>(*services_, *store_);  // As after a restart.
  EXPECT_EQ(say(Kind::hold, second).state, State::refused);
  EXPECT_EQ(hold(first), State::holding);  // It may come back: its own room is its own.
  say(Kind::release, first);
  ASSERT_TRUE(store_->gc({}));
  EXPECT_EQ(say(Kind::offer, second).state, State::willing);
}

TEST_F(ReplicaKeeperTest, a_root_that_is_said_to_be_small_later_keeps_its_room) {
  const ipld::Cid first = put(1);
  ASSERT_EQ(hold(first), State::holding);
  ASSERT_TRUE(store_->unpin(first));
  EXPECT_EQ(say(Kind::status, first).state, State::failed);
  EXPECT_NE(keeper_->answer({Kind::hold, first, 1, 3600}, "asker").state, State::refused);
  EXPECT_EQ(say(Kind::offer, put(2)).state, State::refused);
}

TEST_F(ReplicaKeeperTest, what_the_user_keeps_is_nobodys_leftover) {
  const ipld::Cid first = put(1);
  ASSERT_EQ(hold(first), State::holding);
  ASSERT_TRUE(store_->pin(first, {.name = "mine", .merge = true}));
  say(Kind::release, first);
  EXPECT_EQ(store_->pins()->size(), 1U);
  EXPECT_EQ(say(Kind::offer, put(2)).state, State::willing);
}

TEST_F(ReplicaKeeperTest, a_pin_that_was_removed_is_noticed_when_somebody_asks) {
  const ipld::Cid root = put(1);
  ASSERT_EQ(hold(root), State::holding);
  ASSERT_TRUE(store_->unpin(root));
  EXPECT_EQ(say(Kind::status, root).state, State::failed);
  EXPECT_EQ(keeper_->answer({Kind::status, root, kBytes, 1}, "stranger").state, State::refused);
  EXPECT_EQ(hold(root), State::holding);  // Fetched, and pinned, again.
  EXPECT_EQ(store_->pins()->size(), 1U);
}

}  // namespace
}  // namespace accel::node
