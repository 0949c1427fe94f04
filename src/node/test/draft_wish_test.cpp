// SPDX-License-Identifier: Apache-2.0
// Who drafts a text: what the request says goes before the configuration, and the draft model that
// is loaded does not change with requests that want none.
#include "serving/draft_wish.hpp"

#include <gtest/gtest.h>

namespace accel::node {
namespace {

using inference::Draft;

TEST(DraftWish, is_the_requests_and_else_the_configurations) {
  EXPECT_EQ(draft_wish("", "", 8).kind, Draft::none);
  EXPECT_EQ(draft_wish("prompt-lookup", "", 8).kind, Draft::lookup);
  EXPECT_EQ(draft_wish("", "prompt-lookup", 8).kind, Draft::lookup);
  EXPECT_EQ(draft_wish("none", "prompt-lookup", 8).kind, Draft::none);
  const DraftWish named = draft_wish("small", "tiny", 5);
  EXPECT_EQ(named.kind, Draft::model);
  EXPECT_EQ(named.model, "small");
  EXPECT_TRUE(named.asked);
  EXPECT_EQ(named.most, 5U);
  const DraftWish configured = draft_wish("", "tiny", 5);
  EXPECT_EQ(configured.kind, Draft::model);
  EXPECT_EQ(configured.model, "tiny");
  EXPECT_FALSE(configured.asked);
}

TEST(DraftWish, that_is_another_kind_finds_the_model_that_the_configuration_loads) {
  for (const char* asked : {"none", "prompt-lookup"})
    EXPECT_EQ(draft_wish(asked, "tiny", 8).model, "tiny");
  EXPECT_TRUE(draft_wish("none", "prompt-lookup", 8).model.empty());
}

TEST(DraftWish, asks_of_a_model_only_what_it_can) {
  inference::LlamaModelInfo info;
  EXPECT_EQ(draft_for(draft_wish("prompt-lookup", "", 8), info), Draft::none);
  info.can_draft = true;
  EXPECT_EQ(draft_for(draft_wish("prompt-lookup", "", 8), info), Draft::lookup);
  EXPECT_EQ(draft_for(draft_wish("", "tiny", 8), info), Draft::none) << "of another vocabulary";
  info.has_draft = true;
  EXPECT_EQ(draft_for(draft_wish("", "tiny", 8), info), Draft::model);
}

}  // namespace
}  // namespace accel::node
