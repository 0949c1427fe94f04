// SPDX-License-Identifier: Apache-2.0
// The two fixtures of IPIP-0499 that hash a gibibyte: built in the release preset only.
#include <gtest/gtest.h>

#include "import_support.hpp"

namespace accel::ipld {
namespace {

TEST(Ipip0499Gib, a_gibibyte_fills_one_node_and_one_byte_more_makes_a_second_level) {
  const ImportProfile& profile = unixfs_v1_2025();
  testing::SeededStream stream("v1-2025-seed");
  const auto full = make_layout(profile, testing::collect_into(nullptr));
  const auto over = make_layout(profile, testing::collect_into(nullptr));
  Bytes chunk(profile.chunk_size);
  for (std::uint32_t i = 0; i < profile.max_links; ++i) {
    stream.fill(chunk);
    const Leaf leaf = make_leaf(profile, chunk);
    ASSERT_TRUE(full->add_leaf(leaf));
    ASSERT_TRUE(over->add_leaf(leaf));
  }
  ASSERT_TRUE(over->add_leaf(make_leaf(profile, stream.take(1))));

  EXPECT_EQ(full->finish({}).value().root.to_string(),
            "bafybeihmf37wcuvtx4hpu7he5zl5qaf2ineo2lqlfrapokkm5zzw7zyhvm");
  EXPECT_EQ(over->finish({}).value().root.to_string(),
            "bafybeibdsi225ugbkmpbdohnxioyab6jsqrmkts3twhpvfnzp77xtzpyhe");
}

}  // namespace
}  // namespace accel::ipld
