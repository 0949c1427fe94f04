// SPDX-License-Identifier: Apache-2.0
#include "names/keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "accel/ipld/ipns_record.hpp"
#include "accel/libp2p/key_file.hpp"

namespace accel::node {
namespace {

class KeysTest : public testing::Test {
 protected:
  KeysTest() {
    std::string pattern = testing::TempDir() + "keys-XXXXXX";
    home_ = Home{mkdtemp(pattern.data())};
  }
  ~KeysTest() override { std::filesystem::remove_all(home_.root); }

  Home home_;
  Keys keys_{home_};
  SeededRandom random_{7};
};

TEST_F(KeysTest, self_is_the_key_of_the_node) {
  Keys keys(home_);
  const auto all = keys.list();
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().name, "self");
  const auto node = libp2p::load_key(home_.swarm_key());
  ASSERT_TRUE(node);
  EXPECT_EQ(all->front().id, ipld::ipns_name_of(*node));
}

TEST_F(KeysTest, are_files_that_only_the_owner_reads_and_survive_a_restart) {
  Keys keys(home_);
  const auto made = keys.generate("models", random_);
  ASSERT_TRUE(made) << made.error().message;
  struct stat found{};
  ASSERT_EQ(::stat((home_.keys() / "models.key").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  ASSERT_EQ(::stat(home_.keys().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0700U);
  const Keys again(home_);
  EXPECT_EQ(ipld::ipns_name_of(again.find("models").value()), made->id);
  EXPECT_EQ(ipld::ipns_name_of(again.find(made->id.to_string()).value()), made->id);
  EXPECT_EQ(again.name_of(made->id).value(), "models");
}

TEST_F(KeysTest, of_one_name_or_one_secret_are_kept_once) {
  Keys keys(home_);
  ASSERT_TRUE(keys.generate("a", random_));
  EXPECT_EQ(keys.generate("a", random_).error().code, Errc::already_exists);
  const auto key = keys.find("a").value();
  EXPECT_EQ(keys.add("b", key).error().code, Errc::already_exists);
  EXPECT_EQ(keys.list()->size(), 2U);
}

TEST_F(KeysTest, are_renamed_and_replaced_only_when_asked) {
  Keys keys(home_);
  const auto a = keys.generate("a", random_).value();
  ASSERT_TRUE(keys.generate("b", random_));
  EXPECT_EQ(keys.rename("a", "b", false).error().code, Errc::already_exists);
  ASSERT_TRUE(keys.rename("a", "b", true));
  EXPECT_EQ(keys.name_of(a.id).value(), "b");
  EXPECT_EQ(keys.rename("a", "c", false).error().code, Errc::not_found);
  EXPECT_EQ(keys.rename("self", "c", false).error().code, Errc::invalid_argument);
  EXPECT_EQ(keys.rename("b", "self", true).error().code, Errc::invalid_argument);
}

TEST_F(KeysTest, that_are_removed_are_gone) {
  Keys keys(home_);
  ASSERT_TRUE(keys.generate("a", random_));
  ASSERT_TRUE(keys.remove("a"));
  EXPECT_EQ(keys.remove("a").error().code, Errc::not_found);
  EXPECT_EQ(keys.find("a").error().code, Errc::not_found);
  EXPECT_EQ(keys.remove("self").error().code, Errc::invalid_argument);
}

TEST_F(KeysTest, names_never_lead_out_of_their_folder) {
  for (const char* name : {"", ".", "..", "../x", "a/b", "-rf", ".lock", "a b", "ü"}) {
    EXPECT_FALSE(check_key_name(name)) << name;
  }
  EXPECT_FALSE(check_key_name(std::string(129, 'a')));
  EXPECT_TRUE(check_key_name("My.models_1-2"));
}

}  // namespace
}  // namespace accel::node
