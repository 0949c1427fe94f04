// SPDX-License-Identifier: Apache-2.0
#include "accel/core/markup.hpp"

#include <gtest/gtest.h>

namespace accel {
namespace {

TEST(Markup, nothing_of_a_text_is_markup) {
  EXPECT_EQ(escape_markup("<a href=\"x\" id='y'>&amp;"),
            "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
}

TEST(Markup, control_characters_that_xml_forbids_are_spaces) {
  EXPECT_EQ(escape_markup("a\x01\x1b\tb\nc\x7f"), "a  \tb\nc\x7f");
}

TEST(Markup, other_text_stays) { EXPECT_EQ(escape_markup("größe 4…"), "größe 4…"); }

}  // namespace
}  // namespace accel
