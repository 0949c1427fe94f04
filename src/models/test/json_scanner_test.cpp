// SPDX-License-Identifier: Apache-2.0
#include "json_scanner.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "accel/models/manifest.hpp"

namespace accel::models {
namespace {

std::string read_one_string(std::string_view text, bool& good) {
  JsonScanner scanner(text);
  std::string_view value;
  good = scanner.read_string(value) && scanner.at_end();
  return std::string(value);
}

TEST(JsonScanner, walks_an_object_member_by_member) {
  JsonScanner scanner(R"( { "a" : 1 , "skip": {"x": [1, "]", {}]}, "b": -22, "": 0 } )");
  std::string keys;
  std::int64_t sum = 0;
  std::string_view key;
  ASSERT_TRUE(scanner.begin_object());
  while (scanner.next_key(key)) {
    keys += std::string(key) + ";";
    std::int64_t value = 0;
    std::string_view raw;
    if (key == "skip") {
      ASSERT_TRUE(scanner.skip_value(raw));
      EXPECT_EQ(raw, R"({"x": [1, "]", {}]})");
    } else {
      ASSERT_TRUE(scanner.read_integer(value));
      sum += value;
    }
  }
  EXPECT_TRUE(scanner.status("it"));
  EXPECT_TRUE(scanner.at_end());
  EXPECT_EQ(keys, "a;skip;b;;");
  EXPECT_EQ(sum, -21);
}

TEST(JsonScanner, resolves_escapes_as_nlohmann_does) {
  for (const std::string text :
       {R"("plain")", R"("")", R"("\"\\\/\b\f\n\r\t")", R"("\u0041\u00e9\u4F60")",
        R"("\ud83d\ude00 smile")", R"("\u0000")", "\"caf\u00E9 \U0001F600\"", R"("a\u0301b")"}) {
    bool good = false;
    EXPECT_EQ(read_one_string(text, good), nlohmann::json::parse(text).get<std::string>());
    EXPECT_TRUE(good) << text;
  }
}

TEST(JsonScanner, refuses_strings_that_nlohmann_refuses) {
  for (const std::string text :
       {R"("open)", R"("\)", R"("\x41")", R"("\u12")", R"("\u12G4")", R"("\ud83d")", R"("\ud83dx")",
        R"("\ud83d\u0041")", R"("\ude00")", "\"tab\there\"", "\"\xFF\"", "\"\\n\xC0\x80\"",
        "\"\xED\xA0\x80\"", "plain", "", "1"}) {
    bool good = true;
    read_one_string(text, good);
    EXPECT_FALSE(good) << text;
    EXPECT_FALSE(nlohmann::json::accept(text) && text != "1") << text;
  }
}

TEST(JsonScanner, refuses_members_that_are_not_separated) {
  for (const std::string_view text : {R"({"a" 1})", R"({"a": 1 "b": 2})", R"({"a": 1,})",
                                      R"({,"a": 1})", R"({"a": 1)", R"({a: 1})", R"([1])", ""}) {
    JsonScanner scanner(text);
    std::string_view key;
    std::int64_t value = 0;
    if (scanner.begin_object()) {
      while (scanner.next_key(key) && scanner.read_integer(value)) {
      }
    }
    EXPECT_TRUE(scanner.failed()) << text;
    EXPECT_EQ(scanner.status("The file").error().code, Errc::corrupt);
  }
}

TEST(JsonScanner, refuses_numbers_that_are_no_integers) {
  for (const std::string_view text :
       {"1.5", "1e3", "99999999999999999999", "-", "+1", "1x", "true"}) {
    JsonScanner scanner(text);
    std::int64_t value = 0;
    EXPECT_FALSE(scanner.read_integer(value)) << text;
  }
}

TEST(JsonScanner, stops_at_depth_and_at_brackets_that_do_not_match) {
  for (const std::string& text :
       {std::string(kMaxJsonDepth + 1, '['), std::string("[}"), std::string("{]"), std::string("["),
        std::string("}"), std::string("[\"]"), std::string(), std::string(",")}) {
    JsonScanner scanner(text);
    std::string_view raw;
    EXPECT_FALSE(scanner.skip_value(raw)) << text;
    EXPECT_FALSE(parse_json(text, "text")) << text;
  }
}

TEST(ParseJson, reads_documents_and_names_what_it_cannot_read) {
  EXPECT_EQ(parse_json(R"({"a": [1, 2]})", "x.json")->at("a").at(1), 2);
  EXPECT_EQ(parse_json("{\"a\": tru}", "x.json").error().message, "x.json is not JSON.");
  EXPECT_EQ(parse_json("{} {}", "x.json").error().code, Errc::corrupt);
  EXPECT_EQ(parse_json(std::string(kMaxConfigBytes + 1, ' '), "x.json").error().code,
            Errc::resource_exhausted);
}

}  // namespace
}  // namespace accel::models
