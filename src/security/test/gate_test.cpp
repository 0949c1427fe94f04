// SPDX-License-Identifier: Apache-2.0
#include "accel/security/gate.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "accel/core/file.hpp"

namespace accel::security {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class GateTest : public testing::Test {
 protected:
  GateTest() : home_(fs::temp_directory_path() / ("accel-gate-" + random_hex(system_random(), 8))) {
    fs::create_directories(home_);
    clock_.advance(24h * 20'000);
    gate_ = std::make_unique<Gate>(home_, clock_, true);
  }
  ~GateTest() override {
    gate_.reset();
    std::error_code ignored;
    fs::remove_all(home_, ignored);
  }
  NewKey make(Role role = Role::inference, KeyLimits limits = {}) {
    ApiKey key;
    key.role = role;
    key.label = "label " + std::to_string(++made_);
    key.limits = limits;
    return gate_->create(key, system_random()).value();
  }
  std::string who(std::string_view credential) {
    const auto known = gate_->authenticate(credential);
    return known ? known->who : std::string(errc_name(known.error().code));
  }

  fs::path home_;
  ManualClock clock_;
  std::unique_ptr<Gate> gate_;
  int made_ = 0;
};

TEST_F(GateTest, knows_the_token_and_the_keys_and_nobody_else) {
  EXPECT_EQ(who("0123456789abcdef"), "unauthenticated") << "no token was set";
  EXPECT_EQ(who(""), "unauthenticated");
  gate_->set_token("0123456789abcdef");
  EXPECT_EQ(who("0123456789abcdef"), "token");
  EXPECT_EQ(who("0123456789abcdeF"), "unauthenticated");
  const NewKey made = make(Role::operate);
  EXPECT_EQ(who(made.secret), made.key.id);
  EXPECT_EQ(gate_->authenticate(made.secret)->role, Role::operate);
  std::string wrong = made.secret;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_EQ(who(wrong), "unauthenticated");
  EXPECT_EQ(who(made.key.id), "unauthenticated");
  EXPECT_EQ(who(made.key.id + "_" + to_hex(made.key.hash)), "unauthenticated")
      << "the hash that is kept opens nothing";
}

TEST_F(GateTest, never_repeats_what_was_presented) {
  gate_->set_token("the token of the home");
  const std::string near = "ak_0123456789ab_" + std::string(64, '7');
  for (const std::string& sent : {near, std::string("hunter2hunter2")}) {
    const auto refused = gate_->authenticate(sent);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().to_string().find(sent.substr(8)), std::string::npos);
    EXPECT_EQ(refused.error().to_string().find("the token of the home"), std::string::npos);
  }
}

TEST_F(GateTest, lets_a_revoked_key_in_no_more_at_once) {
  const NewKey first = make(), second = make();
  EXPECT_EQ(gate_->revoke(first.key.id)->id, first.key.id);
  EXPECT_EQ(who(first.secret), "unauthenticated");
  EXPECT_EQ(who(second.secret), second.key.id);
  EXPECT_EQ(gate_->revoke(second.key.label)->id, second.key.id);
  EXPECT_EQ(who(second.secret), "unauthenticated");
  EXPECT_EQ(gate_->revoke("nobody").error().code, Errc::not_found);
}

TEST_F(GateTest, does_not_guess_which_of_two_keys_is_meant) {
  ApiKey key;
  key.role = Role::read;
  key.label = "twice";
  ASSERT_TRUE(gate_->create(key, system_random()));
  ASSERT_TRUE(gate_->create(key, system_random()));
  EXPECT_EQ(gate_->revoke("twice").error().code, Errc::already_exists);
  EXPECT_EQ(gate_->list()->size(), 2U);
}

TEST_F(GateTest, learns_within_a_second_what_another_process_changed) {
  const NewKey made = make();
  EXPECT_EQ(who(made.secret), made.key.id);
  Gate other(home_, clock_, false);
  ASSERT_TRUE(other.revoke(made.key.id));
  clock_.advance(1s);
  EXPECT_EQ(who(made.secret), "unauthenticated");
}

TEST_F(GateTest, ends_a_key_when_its_time_has_come) {
  ApiKey key;
  key.role = Role::read;
  key.expires = clock_.wall_now() + 1h;
  const NewKey made = gate_->create(key, system_random()).value();
  EXPECT_EQ(who(made.secret), made.key.id);
  clock_.advance(1h);
  EXPECT_EQ(who(made.secret), "unauthenticated");
}

TEST_F(GateTest, lets_no_key_in_while_the_file_is_broken_or_open_to_others) {
  gate_->set_token("0123456789abcdef");
  const NewKey made = make();
  ASSERT_EQ(::chmod((home_ / "api_keys.json").c_str(), 0644), 0);
  clock_.advance(1s);
  EXPECT_EQ(who(made.secret), "unauthenticated");
  EXPECT_FALSE(gate_->list());
  EXPECT_EQ(who("0123456789abcdef"), "token") << "its owner can still mend it";
  ASSERT_EQ(::chmod((home_ / "api_keys.json").c_str(), 0600), 0);
  clock_.advance(1s);
  EXPECT_EQ(who(made.secret), made.key.id);
  ASSERT_TRUE(write_file_atomic(home_ / "api_keys.json", as_bytes("{")));
  clock_.advance(1s);
  EXPECT_EQ(who(made.secret), "unauthenticated");
}

TEST_F(GateTest, a_key_keeps_its_count_when_others_come_and_go) {
  const NewKey made = make(Role::inference, {.requests_per_minute = 1});
  const auto begin = [&] {
    const auto known = gate_->authenticate(made.secret);
    return known->key->use->begin(known->key->key.limits, 0);
  };
  EXPECT_FALSE(begin());
  const NewKey other = make();
  ASSERT_TRUE(gate_->revoke(other.key.id));
  EXPECT_TRUE(begin());
}

TEST_F(GateTest, a_day_of_tokens_and_the_last_use_outlive_a_restart) {
  const NewKey made = make(Role::inference, {.tokens_per_day = 100});
  EXPECT_FALSE(gate_->list()->front().last_used);
  {
    const auto known = gate_->authenticate(made.secret);
    ASSERT_FALSE(known->key->use->begin(known->key->key.limits, 0));
    known->spend(100);
  }
  const WallTime used = clock_.wall_now();
  gate_ = nullptr;  // It writes what it keeps.
  clock_.advance(1h);
  gate_ = std::make_unique<Gate>(home_, clock_, true);
  EXPECT_EQ(gate_->list()->front().last_used, used);
  const auto known = gate_->authenticate(made.secret);
  EXPECT_TRUE(known->key->use->begin(known->key->key.limits, 0));
  struct stat info{};
  ASSERT_EQ(::stat((home_ / "api_keys.used.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

// A brief call runs on the API's own thread: nobody who calls writes the file.
TEST_F(GateTest, writes_when_keys_were_used_on_a_thread_of_its_own) {
  Gate gate(home_, system_clock(), true, 5ms);
  ApiKey wanted;
  wanted.role = Role::inference;
  const NewKey made = gate.create(wanted, system_random()).value();
  const auto known = gate.authenticate(made.secret);
  ASSERT_FALSE(known->key->use->begin(known->key->key.limits, 0));
  const auto deadline = system_clock().now() + 10s;
  while (!fs::exists(home_ / "api_keys.used.json") && system_clock().now() < deadline)
    std::this_thread::yield();
  EXPECT_TRUE(fs::exists(home_ / "api_keys.used.json"));
}

TEST_F(GateTest, may_be_asked_from_many_threads_while_keys_change) {
  const NewKey made = make(Role::inference, {.concurrent_requests = 1000});
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 200; ++turn) {
        const auto known = gate_->authenticate(made.secret);
        ASSERT_TRUE(known);
        ASSERT_FALSE(known->key->use->begin(known->key->key.limits, 0));
        known->spend(1);
        known->key->use->end();
      }
    });
  }
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(gate_->revoke(make().key.id));
  threads.clear();
  EXPECT_EQ(who(made.secret), made.key.id);
}

// The comparison looks at every byte: a digest that differs early takes as long
// as one that differs late. Medians of many turns, with room for a busy
// machine.
TEST(EqualDigests, takes_as_long_wherever_they_differ) {
  crypto::Sha256Digest base{}, early{}, late{};
  early.front() = 1;
  late.back() = 1;
  EXPECT_TRUE(equal_digests(base, base));
  EXPECT_FALSE(equal_digests(base, early));
  EXPECT_FALSE(equal_digests(base, late));
  const auto median = [&](const crypto::Sha256Digest& other) {
    std::vector<Duration> times;
    for (int turn = 0; turn < 101; ++turn) {
      const SteadyTime before = system_clock().now();
      int equal = 0;
      for (int i = 0; i < 1000; ++i) {
        crypto::Sha256Digest given = other;
        given[5] = static_cast<std::uint8_t>(i);  // So that no turn is the one before.
        equal += equal_digests(base, given) ? 1 : 0;
      }
      EXPECT_LE(equal, 1000);
      times.push_back(system_clock().now() - before);
    }
    std::ranges::sort(times);
    return std::chrono::duration<double>(times[50]).count();
  };
  const double ratio = median(early) / median(late);
  EXPECT_GT(ratio, 0.5);
  EXPECT_LT(ratio, 2.0);
}

}  // namespace
}  // namespace accel::security
