// SPDX-License-Identifier: Apache-2.0
#include "names/publications.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "accel/gateway/ipns_store.hpp"
#include "names/publisher.hpp"
#include "names/renewal.hpp"

namespace accel::node {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{std::chrono::seconds(1'800'000'000)};

class PublicationsTest : public testing::Test {
 protected:
  PublicationsTest() {
    std::string pattern = testing::TempDir() + "publications-XXXXXX";
    home_ = Home{mkdtemp(pattern.data())};
    open();
  }
  ~PublicationsTest() override {
    store_.reset();
    std::filesystem::remove_all(home_.root);
  }
  void open() {
    store_.reset();
    blockstore::StoreOptions options;
    options.directory = home_.store();
    store_ = blockstore::Store::open(options).value();
  }
  Result<SignedRecord> sign(const std::string& value, WallTime now = kNow,
                            std::optional<std::uint64_t> sequence = {}) {
    SignRequest request;
    request.publication.value = value;
    request.publication.signed_at = now;
    request.sequence = sequence;
    return sign_and_keep(home_, *store_, key_, request);
  }

  Home home_;
  std::unique_ptr<blockstore::Store> store_;
  SeededRandom random_{3};
  crypto::Ed25519Key key_ = crypto::Ed25519Key::generate(random_);
  ipld::IpnsName name_ = ipld::ipns_name_of(key_);
};

TEST_F(PublicationsTest, a_new_value_takes_the_next_sequence_and_the_same_one_a_later_end) {
  EXPECT_EQ(sign("/ipfs/bafkqaaa")->record.sequence, 0U);
  const auto changed = sign("/ipfs/bafkqaba");
  EXPECT_EQ(changed->record.sequence, 1U);
  const auto renewed = sign("/ipfs/bafkqaba", kNow + 4h);
  EXPECT_EQ(renewed->record.sequence, 1U);
  EXPECT_TRUE(ipld::is_newer(renewed->record, changed->record));
  EXPECT_EQ(gateway::get_ipns_record(*store_, name_, kNow)->record, renewed->record);
}

TEST_F(PublicationsTest, a_renewal_does_not_take_the_place_of_what_was_published_meanwhile) {
  ASSERT_TRUE(sign("/ipfs/bafkqaaa"));
  const Publication seen = *publication_of(*store_, name_).value();
  const auto changed = sign("/ipfs/bafkqaba", kNow + 1s);
  const auto late = sign_again(home_, *store_, key_, seen, kNow + 4h);
  ASSERT_TRUE(late) << late.error().message;
  EXPECT_FALSE(late->has_value());
  EXPECT_EQ(gateway::get_ipns_record(*store_, name_, kNow)->record, changed->record);
  EXPECT_EQ(publication_of(*store_, name_).value()->value, "/ipfs/bafkqaba");
  const auto again =
      sign_again(home_, *store_, key_, *publication_of(*store_, name_).value(), kNow + 4h);
  ASSERT_TRUE(again && again->has_value());
  EXPECT_EQ((*again)->record.sequence, changed->record.sequence);
  EXPECT_GT((*again)->record.validity, changed->record.validity);
}

TEST_F(PublicationsTest, a_shorter_life_of_the_same_value_is_a_change) {
  ASSERT_TRUE(sign("/ipfs/bafkqaaa"));
  SignRequest shorter;
  shorter.publication = {"/ipfs/bafkqaaa", 1h, 1min, kNow};
  const auto made = sign_and_keep(home_, *store_, key_, shorter);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->record.sequence, 1U);
}

TEST_F(PublicationsTest, the_sequence_never_goes_back) {
  EXPECT_EQ(sign("/ipfs/bafkqaaa", kNow, 41)->record.sequence, 41U);
  EXPECT_EQ(sign("/ipfs/bafkqaaa", kNow, 41).error().code, Errc::invalid_argument);
  open();  // After a restart, and after the record has expired:
  EXPECT_EQ(sign("/ipfs/bafkqaba", kNow + 24h * 100)->record.sequence, 42U);
  SignRequest request;
  request.publication = {"/ipfs/bafkqaca", 48h, 1min, kNow + 24h * 100};
  request.seen = ipld::IpnsRecord{"/ipfs/bafkqada", 99, kNow, 0ns};  // Of the same key, elsewhere.
  EXPECT_EQ(sign_and_keep(home_, *store_, key_, request)->record.sequence, 100U);
}

TEST_F(PublicationsTest, are_remembered_and_forgotten) {
  ASSERT_TRUE(sign("/ipfs/bafkqaaa"));
  open();
  const auto all = publications(*store_);
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().first, name_);
  EXPECT_EQ(all->front().second.value, "/ipfs/bafkqaaa");
  EXPECT_EQ(all->front().second.lifetime, 48h);
  ASSERT_TRUE(forget_publication(*store_, name_));
  EXPECT_TRUE(publications(*store_)->empty());
}

TEST_F(PublicationsTest, are_due_after_the_interval_or_half_of_their_life) {
  EXPECT_EQ(renew_at({"", 48h, 5min, kNow}, 4h), kNow + 4h);
  EXPECT_EQ(renew_at({"", 1h, 5min, kNow}, 4h), kNow + 30min);
}

TEST_F(PublicationsTest, what_is_not_a_publication_is_passed_over) {
  ASSERT_TRUE(store_->kv_put("publications", name_.to_string(), "{\"value\": 3}"));
  ASSERT_TRUE(store_->kv_put("publications", "no name", "{\"value\": \"/ipfs/bafkqaaa\"}"));
  EXPECT_TRUE(publications(*store_)->empty());
}

TEST_F(PublicationsTest, the_publisher_renews_what_is_due_and_keeps_its_sequence) {
  Keys keys(home_);
  ASSERT_TRUE(keys.add("models", key_));
  const WallTime now = system_clock().wall_now();
  const auto made = sign("/ipfs/bafkqaaa", now - 25h);  // Due, and not yet expired.
  ASSERT_TRUE(made) << made.error().message;
  Metrics metrics;
  std::atomic<int> puts = 0;
  PublisherPlan plan;
  plan.put = [&](const ipld::IpnsName&, const Bytes&, std::stop_token) {
    ++puts;
    return std::size_t{1};
  };
  {
    const Publisher publisher(home_, *store_, metrics, system_clock(), plan);
    const SteadyTime until = system_clock().now() + 10s;
    while (puts == 0 && system_clock().now() < until) std::this_thread::yield();
  }
  EXPECT_EQ(puts, 1);
  const auto kept = gateway::get_ipns_record(*store_, name_, now);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->record.sequence, made->record.sequence);
  EXPECT_GT(kept->record.validity, made->record.validity);
}

TEST_F(PublicationsTest, the_publisher_forgets_names_whose_key_is_gone) {
  ASSERT_TRUE(sign("/ipfs/bafkqaaa", system_clock().wall_now() - 25h));
  Metrics metrics;
  {
    const Publisher publisher(home_, *store_, metrics, system_clock(), {});
    const SteadyTime until = system_clock().now() + 10s;
    while (!publications(*store_)->empty() && system_clock().now() < until) {
      std::this_thread::yield();
    }
  }
  EXPECT_TRUE(publications(*store_)->empty());
}

}  // namespace
}  // namespace accel::node
