// SPDX-License-Identifier: Apache-2.0
#include "content/add_params.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::node {
namespace {

using nlohmann::json;

Result<blockstore::AddOptions> read(const json& values) {
  Params params("content.add", values);
  auto options = read_add_options(params);
  ACCEL_CHECK(params.finish());
  return options;
}

Errc error_of(const json& values) {
  const auto options = read(values);
  return options ? Errc::internal : options.error().code;
}

TEST(AddParams, without_any_it_is_the_default_profile) {
  const auto options = read(json::object());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->profile, ipld::unixfs_v1_2025());
  EXPECT_TRUE(options->meta.empty());
  EXPECT_FALSE(options->wrap);
}

TEST(AddParams, each_option_changes_one_thing) {
  ipld::ImportProfile expected = ipld::unixfs_v0_2015();
  expected.chunk_size = 1000;
  expected.max_links = 7;
  expected.max_directory_links = 8;
  expected.hamt_fanout = 16;
  expected.hamt_threshold = 9;
  const auto options = read({{"profile", "unixfs-v0-2015"},
                             {"chunker", "size-1000"},
                             {"max_file_links", 7},
                             {"max_directory_links", 8},
                             {"max_hamt_fanout", 16},
                             {"hamt_threshold", 9},
                             {"wrap", true},
                             {"preserve_mode", true}});
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->profile, expected);
  EXPECT_TRUE(options->wrap);
  EXPECT_TRUE(options->preserve_mode);
}

// The rules of `ipfs add`.
TEST(AddParams, a_cid_version_brings_its_leaves_along_unless_they_are_given) {
  const json v0{{"profile", "unixfs-v0-2015"}};
  const auto raw_leaves = [&](json more) {
    more.update(v0);
    return read(more)->profile.raw_leaves;
  };
  EXPECT_FALSE(raw_leaves(json::object()));
  EXPECT_TRUE(raw_leaves({{"cid_version", 1}}));
  EXPECT_FALSE(raw_leaves({{"cid_version", 1}, {"raw_leaves", false}}));
  EXPECT_FALSE(raw_leaves({{"cid_version", 1}, {"preserve_mtime", true}}));
  EXPECT_TRUE(raw_leaves({{"cid_version", 0}, {"raw_leaves", true}}));
  EXPECT_FALSE(read({{"cid_version", 0}})->profile.raw_leaves);
  EXPECT_TRUE(read({{"preserve_mode", true}})->profile.raw_leaves);
}

TEST(AddParams, another_hash_asks_for_the_newer_cids) {
  const auto options = read({{"profile", "unixfs-v0-2015"}, {"hash", "sha2-512"}});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->profile.cid_version, 1);
  EXPECT_TRUE(options->profile.raw_leaves);
  EXPECT_EQ(options->profile.hash, ipld::HashCode::sha2_512);
  EXPECT_EQ(error_of({{"hash", "md5"}}), Errc::invalid_argument);
}

TEST(AddParams, modes_are_octal_and_say_so) {
  EXPECT_EQ(read({{"mode", "0644"}})->meta.mode, 0644U);
  EXPECT_EQ(read({{"mode", "07777"}})->meta.mode, 07777U);
  for (const char* const bad : {"644", "0", "0000", "010000", "0x1", "0648", "rw"}) {
    EXPECT_EQ(error_of({{"mode", bad}}), Errc::invalid_argument) << bad;
  }
}

TEST(AddParams, times_may_be_before_1970_and_have_a_fraction) {
  EXPECT_EQ(read({{"mtime", -5}})->meta.mtime, (ipld::UnixFsTime{-5, {}}));
  EXPECT_EQ(read({{"mtime", 0}, {"mtime_nsecs", 7}})->meta.mtime, (ipld::UnixFsTime{0, 7}));
  EXPECT_EQ(error_of({{"mtime_nsecs", 7}}), Errc::invalid_argument);
  EXPECT_EQ(error_of({{"mtime", 1}, {"mtime_nsecs", 1'000'000'000}}), Errc::invalid_argument);
}

TEST(AddParams, the_shapes_of_files_are_those_of_ipfs_add) {
  EXPECT_EQ(read({{"trickle", true}})->profile.shape, ipld::FileShape::trickle);
  EXPECT_EQ(read({{"trickle", false}})->profile.shape, ipld::FileShape::balanced);
  EXPECT_EQ(read({{"inline", true}})->profile.inline_limit, 32U);
  EXPECT_EQ(read({{"inline", true}, {"inline_limit", 100}})->profile.inline_limit, 100U);
  EXPECT_EQ(read({{"inline_limit", 100}})->profile.inline_limit, 0U);
  EXPECT_EQ(error_of({{"inline", true}, {"inline_limit", 129}}), Errc::invalid_argument);
  EXPECT_EQ(read({{"chunker", "buzhash"}})->profile.chunking, ipld::Chunking::buzhash);
  EXPECT_EQ(read({{"chunker", "rabin"}})->profile.rabin_average, 256U << 10U);
}

TEST(AddParams, what_is_no_chunker_is_refused) {
  for (const char* const bad :
       {"size-", "size--1", "size-1k", "fixed", "size-99999999999999999999"}) {
    EXPECT_EQ(error_of({{"chunker", bad}}), Errc::invalid_argument) << bad;
  }
}

TEST(AddParams, a_parameter_that_nobody_knows_is_refused) {
  EXPECT_EQ(error_of({{"chunk", "size-1"}}), Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::node
