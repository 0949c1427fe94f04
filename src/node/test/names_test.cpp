// SPDX-License-Identifier: Apache-2.0
#include "names/names.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace accel::node {
namespace {

class NamesTest : public testing::Test {
 protected:
  NamesTest() {
    std::string pattern = testing::TempDir() + "names-XXXXXX";
    root_ = mkdtemp(pattern.data());
    blockstore::StoreOptions options;
    options.directory = root_ / "store";
    store_ = blockstore::Store::open(options).value();
  }
  ~NamesTest() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }
  static ipld::Cid cid_of(std::string_view text) {
    return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(as_bytes(text)));
  }

  std::filesystem::path root_;
  std::unique_ptr<blockstore::Store> store_;
};

TEST_F(NamesTest, lead_to_the_cid_they_were_given_to) {
  ASSERT_TRUE(give_name(*store_, "minilm", cid_of("a")));
  EXPECT_EQ(resolve_target(*store_, "minilm")->root, cid_of("a"));
  EXPECT_EQ(name_of(*store_, cid_of("a")).value(), "minilm");
  EXPECT_TRUE(give_name(*store_, "minilm", cid_of("a")));
}

TEST_F(NamesTest, that_are_taken_are_refused_showing_both_roots) {
  ASSERT_TRUE(give_name(*store_, "minilm", cid_of("a")));
  const Status taken = give_name(*store_, "minilm", cid_of("b"));
  ASSERT_EQ(taken.error().code, Errc::already_exists);
  EXPECT_NE(taken.error().message.find(cid_of("a").to_string()), std::string::npos);
  EXPECT_NE(taken.error().message.find(cid_of("b").to_string()), std::string::npos);
}

TEST_F(NamesTest, that_nobody_gave_are_not_found) {
  EXPECT_EQ(resolve_target(*store_, "minilm").error().code, Errc::not_found);
}

TEST_F(NamesTest, with_other_characters_or_the_form_of_a_cid_are_refused) {
  for (const char* name : {"", "a b", "../x", "-x", "a/b", "a\n"})
    EXPECT_FALSE(check_name(name)) << name;
  EXPECT_FALSE(give_name(*store_, cid_of("a").to_string(), cid_of("a")));
}

TEST_F(NamesTest, and_cids_may_carry_an_ipfs_prefix) {
  EXPECT_EQ(resolve_target(*store_, "/ipfs/" + cid_of("a").to_string())->root, cid_of("a"));
}

}  // namespace
}  // namespace accel::node
