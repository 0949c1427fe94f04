// SPDX-License-Identifier: Apache-2.0
// Vectors: the empty directory of every IPFS node; the symbolic link of gateway-conformance,
// fixtures/path_gateway_unixfs/symlink.car. More in kubo_cids_test.cpp and ipip0499_test.cpp.
#include "accel/ipld/directory.hpp"

#include <gtest/gtest.h>

#include "accel/ipld/node_view.hpp"
#include "accel/ipld/profile.hpp"
#include "property_support.hpp"

namespace accel::ipld {
namespace {

DirectoryEntry entry(std::string name) { return {std::move(name), Cid{}, 0}; }

Errc name_error(std::string_view name) { return check_entry_name(name).error().code; }

TEST(Directory, the_empty_one_has_its_well_known_cids) {
  const BuiltBlock v0 = build_directory(unixfs_v0_2015(), {}).value();
  EXPECT_EQ(v0.cid.to_string(), "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
  EXPECT_EQ(to_hex(v0.block), "0a020801");
  EXPECT_EQ(v0.dag_bytes, 4U);
  EXPECT_EQ(build_directory(unixfs_v1_2025(), {}).value().cid.to_string(),
            "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
}

TEST(Directory, sorts_entries_by_the_bytes_of_their_names) {
  const BuiltBlock built =
      build_directory(unixfs_v1_2025(), {entry("b"), entry("\xc3\xa4"), entry("B"), entry("a.b"),
                                         entry("a"), entry("a-b")})
          .value();
  std::vector<std::string> names;
  const NodeView view = decode_node(built.cid, built.block).value();
  for (const DirectoryEntry& e : view.entries) names.push_back(e.name);
  EXPECT_EQ(names, (std::vector<std::string>{"B", "a", "a-b", "a.b", "b", "\xc3\xa4"}));
}

TEST(Directory, does_not_depend_on_the_order_it_is_given) {
  const auto forward = build_directory(unixfs_v1_2025(), {entry("a"), entry("b")}).value();
  const auto backward = build_directory(unixfs_v1_2025(), {entry("b"), entry("a")}).value();
  EXPECT_EQ(forward.cid, backward.cid);
}

TEST(Directory, counts_its_block_and_all_below) {
  const BuiltBlock built =
      build_directory(unixfs_v1_2025(), {{"a", Cid{}, 100}, {"b", Cid{}, 23}}).value();
  EXPECT_EQ(built.dag_bytes, built.block.size() + 123);
}

TEST(Directory, refuses_one_name_twice) {
  const auto built = build_directory(unixfs_v1_2025(), {entry("a"), entry("b"), entry("a")});
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().code, Errc::invalid_argument);
  EXPECT_NE(built.error().message.find("'a'"), std::string::npos);
}

TEST(Directory, refuses_names_that_could_lead_out_of_it) {
  EXPECT_EQ(name_error(""), Errc::invalid_argument);
  EXPECT_EQ(name_error("."), Errc::invalid_argument);
  EXPECT_EQ(name_error(".."), Errc::invalid_argument);
  EXPECT_EQ(name_error("../foo"), Errc::invalid_argument);
  EXPECT_EQ(name_error("/etc/passwd"), Errc::invalid_argument);
  EXPECT_EQ(name_error(std::string_view("a\0b", 3)), Errc::invalid_argument);
  EXPECT_EQ(name_error(std::string(256, 'x')), Errc::invalid_argument);
  EXPECT_FALSE(build_directory(unixfs_v1_2025(), {entry("..")}));
}

TEST(Directory, takes_names_that_only_look_odd) {
  for (const std::string& name :
       {std::string("..."), std::string(".hidden"), std::string(" "), std::string("a\\b"),
        std::string("\xff\xfe"), std::string(kMaxNameBytes, 'x')}) {
    EXPECT_TRUE(check_entry_name(name)) << name;
  }
}

TEST(Directory, shows_control_characters_of_names_as_numbers) {
  const std::string message = check_entry_name("a/\x1b[31m").error().message;
  EXPECT_NE(message.find("\\x1b[31m"), std::string::npos) << message;
  EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(Directory, stays_one_block_up_to_the_threshold_and_not_beyond) {
  ImportProfile profile = unixfs_v1_2025();
  const BuiltBlock built = build_directory(profile, {entry("a"), entry("bb")}).value();
  profile.hamt_threshold = built.block.size();
  EXPECT_TRUE(build_directory(profile, {entry("a"), entry("bb")}));
  profile.hamt_threshold = built.block.size() - 1;
  const auto over = build_directory(profile, {entry("a"), entry("bb")});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Errc::unsupported);
  EXPECT_NE(over.error().message.find("2 entries"), std::string::npos);
}

TEST(Directory, the_old_threshold_counts_names_and_cids_only) {
  ImportProfile profile = unixfs_v0_2015();
  const std::uint64_t links_bytes = 1 + 2 + 2 * Cid{}.size_bytes();
  profile.hamt_threshold = links_bytes;
  EXPECT_TRUE(build_directory(profile, {entry("a"), entry("bb")}));
  profile.hamt_threshold = links_bytes - 1;
  EXPECT_EQ(build_directory(profile, {entry("a"), entry("bb")}).error().code, Errc::unsupported);
}

TEST(Symlink, equals_the_one_of_gateway_conformance) {
  EXPECT_EQ(build_symlink(unixfs_v0_2015(), "foo").value().cid.to_string(),
            "QmTB8BaCJdCH5H3k7GrxJsxgDNmNYGGR71C58ERkivXoj5");
}

TEST(Symlink, is_dag_pb_under_every_profile_and_reads_back) {
  const BuiltBlock built = build_symlink(unixfs_v1_2025(), "../a/b").value();
  EXPECT_EQ(built.cid.codec(), Codec::dag_pb);
  EXPECT_EQ(built.dag_bytes, built.block.size());
  const NodeView view = decode_node(built.cid, built.block).value();
  EXPECT_EQ(view.kind, NodeKind::symlink);
  EXPECT_EQ(view.symlink_target, "../a/b");
}

TEST(Symlink, refuses_targets_that_no_file_system_holds) {
  EXPECT_FALSE(build_symlink(unixfs_v1_2025(), ""));
  EXPECT_FALSE(build_symlink(unixfs_v1_2025(), std::string_view("a\0b", 3)));
  EXPECT_FALSE(build_symlink(unixfs_v1_2025(), std::string(kMaxSymlinkBytes + 1, 'a')));
  EXPECT_TRUE(build_symlink(unixfs_v1_2025(), std::string(kMaxSymlinkBytes, 'a')));
}

TEST(Profile, has_two_names_and_says_so_when_asked_for_a_third) {
  EXPECT_EQ(profile_by_name("unixfs-v1-2025").value(), unixfs_v1_2025());
  EXPECT_EQ(profile_by_name("unixfs-v0-2015").value(), unixfs_v0_2015());
  const auto other = profile_by_name("legacy");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::invalid_argument);
  for (const std::string& name : profile_names()) {
    EXPECT_NE(other.error().message.find(name), std::string::npos);
  }
}

TEST(Directory, reads_back_everything_it_builds) {
  ACCEL_TRACE_SEED();
  testing::Generator any;
  for (int round = 0; round < 200; ++round) {
    std::vector<DirectoryEntry> entries;
    for (std::uint64_t i = any.below(8); i > 0; --i) {
      entries.push_back(
          {fmt::format("{}-{}", to_hex(any.bytes_up_to(20)), i), any.cid(), any.below(1U << 30U)});
    }
    const BuiltBlock built = build_directory(unixfs_v1_2025(), entries).value();
    const NodeView view = decode_node(built.cid, built.block).value();
    ASSERT_EQ(view.kind, NodeKind::directory);
    ASSERT_EQ(view.entries.size(), entries.size());
    for (const DirectoryEntry& e : entries) {
      const DirectoryEntry* const found = view.find(e.name);
      ASSERT_NE(found, nullptr);
      ASSERT_EQ(found->cid, e.cid);
      ASSERT_EQ(found->tsize, e.tsize);
    }
    ASSERT_EQ(view.find("not there"), nullptr);
  }
}

}  // namespace
}  // namespace accel::ipld
