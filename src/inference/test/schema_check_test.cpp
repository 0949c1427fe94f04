// SPDX-License-Identifier: Apache-2.0
#include "llama/schema_check.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace accel::inference::llama {
namespace {

using nlohmann::json;

// The place that is complained of; "" when nothing is.
std::string complaint(const std::string& schema) {
  const Status status = check_schema(schema);
  if (status) return {};
  EXPECT_EQ(status.error().code, Errc::invalid_argument);
  const std::string& words = status.error().message;
  const std::size_t from = words.find('"');
  if (from == std::string::npos) return words;
  return words.substr(from + 1, words.find('"', from + 1) - from - 1);
}

TEST(SchemaCheck, takes_what_the_grammar_enforces) {
  for (const char* schema :
       {"{}", R"({"type":"object"})", R"({"enum":[1,"a",null],"description":"d"})",
        R"({"type":"string","enum":["a","b"]})", R"({"type":["string","null"],"maxLength":5})",
        R"({"properties":{"a":{"type":"integer","minimum":1,"exclusiveMaximum":9}},)"
        R"("required":["a"],"additionalProperties":false,"title":"T"})",
        R"({"type":"array","items":{"$ref":"#/$defs/n"},"minItems":1,"maxItems":3,)"
        R"("$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}})",
        R"({"anyOf":[{"type":"string","format":"date"},{"type":"string","pattern":"^a{3}$"}]})",
        R"({"prefixItems":[{"type":"null"},{"const":3}]})",
        R"({"type":"object","additionalProperties":{"type":"number"}})"}) {
    EXPECT_EQ(complaint(schema), "") << schema;
  }
}

TEST(SchemaCheck, names_the_keyword_that_is_not_enforced) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"not":{}})", "/not"},
      {R"({"type":"integer","multipleOf":2})", "/multipleOf"},
      {R"({"properties":{"a/b":{"type":"array","uniqueItems":true}}})",
       "/properties/a~1b/uniqueItems"},
      {R"({"type":"object","if":{},"then":{}})", "/if"},
      {R"({"allOf":[{"type":"object"}]})", "/allOf"},
      {R"({"type":"number","minimum":0})", "/minimum"},
      {R"({"type":["number","integer"],"minimum":0})", "/type"},
      {R"({"minimum":0})", "/minimum"},
      {R"({"type":"string","format":"email"})", "/format"},
      {R"({"type":"string","pattern":"^a$","minLength":2})", "/minLength"},
      {R"({"type":"integer","minimum":1,"exclusiveMinimum":3})", "/exclusiveMinimum"},
      {R"({"type":"object","required":["a"]})", "/required"},
      {R"({"type":"object","minProperties":1})", "/minProperties"},
      {R"({"items":{},"prefixItems":[{}]})", "/prefixItems"},
      {R"({"anyOf":[{}],"type":"string"})", "/type"},
      {R"({"$ref":"#/$defs/a","$defs":{"a":{}},"maxLength":1})", "/maxLength"},
      {R"({"$defs":{"a":{"not":{}}}})", "/$defs/a/not"}};
  for (const auto& [schema, place] : cases) EXPECT_EQ(complaint(schema), place) << schema;
}

TEST(SchemaCheck, names_the_place_of_what_is_wrong) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"properties":{"a":{"type":"banana"}}})", "/properties/a/type"},
      {R"({"type":[]})", "/type"},
      {R"({"type":3})", "/type"},
      {R"({"type":["object","object"]})", "/type"},
      {R"({"properties":[]})", "/properties"},
      {R"({"properties":{"a":true}})", "/properties/a"},
      {R"({"anyOf":[]})", "/anyOf"},
      {R"({"enum":[]})", "/enum"},
      {R"({"type":"string","enum":["a",1]})", "/enum"},
      {R"({"type":"array","minItems":-1})", "/minItems"},
      {R"({"$ref":"#/default","default":{"not":{}}})", "/$ref"},
      {R"({"$ref":"https://example.com"})", "/$ref"},
      {"3", ""}};
  for (const auto& [schema, place] : cases) {
    EXPECT_FALSE(check_schema(schema)) << schema;
    EXPECT_EQ(complaint(schema), place) << schema;
  }
  EXPECT_FALSE(check_schema("{"));
}

TEST(SchemaCheck, bounds_what_a_schema_may_ask) {
  EXPECT_EQ(complaint(R"({"type":"array","minItems":1000000})"), "/minItems");
  EXPECT_EQ(complaint(R"({"type":"string","maxLength":18446744073709551615})"), "/maxLength");
  EXPECT_EQ(complaint(R"({"type":"string","pattern":"^((a{99}){99}){99}$"})"), "/pattern");
  EXPECT_EQ(complaint(json{{"pattern", std::string(4000, '(')}}.dump()), "/pattern");
  json sum = json::object();
  for (int i = 0; i < 6; ++i)
    sum["properties"][std::to_string(i)] = {{"type", "string"}, {"maxLength", 2000}};
  EXPECT_EQ(complaint(sum.dump()), "/properties/5/maxLength");
  json values = json::array();
  for (int i = 0; i < 3000; ++i) values.push_back(i);
  EXPECT_EQ(complaint(json{{"enum", values}}.dump()), "/enum");
  json wide = json::object();
  for (int i = 0; i < 300; ++i) wide["properties"][std::to_string(i)] = json::object();
  EXPECT_EQ(complaint(wide.dump()), "/properties");
  const json many{{"anyOf", json::array_t(2000, json::object())}};
  EXPECT_EQ(complaint(many.dump()), "/anyOf/1023");
  const json name{{"properties", {{std::string(50'000, 'a'), json::object()}}}};
  EXPECT_EQ(complaint(name.dump()), "/properties");
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += R"({"items":)";
  EXPECT_FALSE(check_schema(deep + "{}" + std::string(5000, '}')));
}

}  // namespace
}  // namespace accel::inference::llama
