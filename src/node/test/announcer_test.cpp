// SPDX-License-Identifier: Apache-2.0
// Which roots the DHT is told of, and when again.
#include "peers/announcer.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace accel::node {
namespace {

using namespace std::chrono_literals;

class DueRoots : public testing::Test {
 protected:
  DueRoots() {
    std::string pattern = testing::TempDir() + "announcer-XXXXXX";
    root_ = mkdtemp(pattern.data());
    blockstore::StoreOptions options;
    options.directory = root_ / "store";
    store_ = blockstore::Store::open(options).value();
  }
  ~DueRoots() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }
  ipld::Cid pin(std::string_view text, bool is_private = false) {
    const auto cid = ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(text)));
    EXPECT_TRUE(store_->put(cid, as_bytes(text), {.is_private = is_private}));
    EXPECT_TRUE(store_->pin(cid, {.is_private = is_private}));
    return cid;
  }
  std::vector<ipld::Cid> due(WallTime now, const std::set<ipld::Cid>& failed = {}) {
    std::vector<ipld::Cid> roots;
    const auto found = due_roots(*store_, 22h, now, failed);
    EXPECT_TRUE(found);
    for (const DueRoot& one : found.value_or(std::vector<DueRoot>{})) roots.push_back(one.root);
    return roots;
  }

  const WallTime now_ = WallTime{} + 20'000 * 24h;
  std::filesystem::path root_;
  std::unique_ptr<blockstore::Store> store_;
};

TEST_F(DueRoots, are_told_once_in_an_interval) {
  const ipld::Cid one = pin("one");
  EXPECT_EQ(due(now_), std::vector{one});
  ASSERT_TRUE(note_told(*store_, one, now_));
  EXPECT_TRUE(due(now_ + 21h).empty());
  EXPECT_EQ(due(now_ + 23h), std::vector{one});
  EXPECT_EQ(due(now_ - 1h), std::vector{one}) << "told in the future: the clock was set";
}

TEST_F(DueRoots, are_never_private) {
  pin("secret", true);
  EXPECT_TRUE(due(now_).empty());
}

TEST_F(DueRoots, come_longest_untold_first_and_those_that_failed_last) {
  const ipld::Cid old = pin("old");
  const ipld::Cid older = pin("older");
  const ipld::Cid never = pin("never");
  ASSERT_TRUE(note_told(*store_, old, now_ - 30h));
  ASSERT_TRUE(note_told(*store_, older, now_ - 40h));
  EXPECT_EQ(due(now_), (std::vector{never, older, old}));
  EXPECT_EQ(due(now_, {never}), (std::vector{older, old, never}));
}

TEST_F(DueRoots, that_are_no_longer_pinned_are_forgotten) {
  const ipld::Cid one = pin("one");
  ASSERT_TRUE(note_told(*store_, one, now_));
  ASSERT_TRUE(store_->unpin(one));
  EXPECT_TRUE(due(now_).empty());
  ASSERT_TRUE(store_->pin(one, {}));
  EXPECT_EQ(due(now_ + 1h), std::vector{one}) << "pinned anew, it is told anew";
}

}  // namespace
}  // namespace accel::node
