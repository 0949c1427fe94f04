// SPDX-License-Identifier: Apache-2.0
#include "xml.hpp"

#include <gmock/gmock.h>

namespace accel::hub {
namespace {

using ::testing::HasSubstr;

TEST(Xml, elements_and_their_text_are_read) {
  const auto root = parse_xml(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding='UTF-8'?>\n<!-- a > b -->\n"
      "<List xmlns=\"http://x/>\" a='1'><Row><Key>a</Key></Row>\n<Row/><Row ></Row ><!---->\n"
      "<Key>x&amp;&lt;&gt;&quot;&apos;&#65;&#x1F600;<![CDATA[<&]]></Key></List>\n");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->name, "List");
  ASSERT_EQ(root->children.size(), 4U);
  EXPECT_EQ(root->children[0].text_of("Key"), "a");
  EXPECT_EQ(root->text_of("Key"), "x&<>\"'A\U0001F600<&");
  EXPECT_EQ(root->text_of("None"), "");
  EXPECT_EQ(root->child("None"), nullptr);
}

TEST(Xml, what_s3_never_writes_is_refused_with_a_sentence) {
  const std::pair<std::string, const char*> cases[] = {
      {"", "missing"},
      {"{}", "missing"},
      {"<a>", "ends inside"},
      {"<a></b>", "own name"},
      {"<a></a><b/>", "follows its end"},
      {"<a></a>x", "follows its end"},
      {"<!DOCTYPE a [<!ENTITY x \"yyy\">]><a>&x;</a>", "a name is missing"},
      {"<a>&x;</a>", "XML itself does not define"},
      {"<a>&#0;</a>", "XML itself does not define"},
      {"<a>&#xD800;</a>", "XML itself does not define"},
      {"<a>&#99999999;</a>", "XML itself does not define"},
      {"<a>&amp</a>", "does not end"},
      {"<a>\x01</a>", "control character"},
      {"<a>\xff</a>", "UTF-8"},
      {std::string("<a>\0</a>", 8), "control character"},
      {"<a><?php ?></a>", "a name is missing"},
      {"<a b></a>", "no value"},
      {"<a b=c></a>", "not quoted"},
      {"<a b=\"c></a>", "not quoted"},
      {"<a/ >", "a tag does not end"},
      {"<?xml <a/>", "declaration"},
      {"<a><!-- </a>", "comment"},
      {"<a><![CDATA[ </a>", "section of text"},
      {"<" + std::string(65, 'a') + "/>", "too long"},
      {"<a>" + std::string(kMaxXmlTextBytes + 1, 'x') + "</a>", "a text is too long"}};
  for (const auto& [text, words] : cases) {
    const auto root = parse_xml(text);
    ASSERT_FALSE(root) << text;
    EXPECT_EQ(root.error().code, Errc::corrupt);
    EXPECT_THAT(root.error().message, HasSubstr(words)) << text;
  }
}

std::string nested(std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += "<a>";
  for (std::size_t i = 0; i < depth; ++i) text += "</a>";
  return text;
}

TEST(Xml, utf8_is_told_from_what_is_none) {
  for (const char* text : {"", "a", "\u00e4", "\u6a21", "\U0001F600", "\U0010FFFF", "\uD7FF"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xC3", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF",
                           "\xED\xA0\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                           "\xF5\x80\x80\x80", "\xFF", "\xE6\xA8", "\xC3(", "a\xF0\x9F\x98"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(Xml, depth_and_number_of_elements_have_limits) {
  EXPECT_TRUE(parse_xml(nested(kMaxXmlDepth)));
  EXPECT_THAT(parse_xml(nested(kMaxXmlDepth + 1)).error().message, HasSubstr("too deeply"));
  EXPECT_FALSE(parse_xml(nested(100'000)));
  std::string many = "<a>";
  for (std::size_t i = 0; i < kMaxXmlElements; ++i) many += "<b/>";
  EXPECT_THAT(parse_xml(many + "</a>").error().message, HasSubstr("too many elements"));
  EXPECT_THAT(parse_xml(std::string(kMaxXmlBytes + 1, ' ')).error().message, HasSubstr("too long"));
}

}  // namespace
}  // namespace accel::hub
