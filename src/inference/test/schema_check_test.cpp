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

TEST(SchemaCheck, refuses_patterns_that_a_text_fits_in_very_many_ways) {
  std::string letters, dots;
  for (int i = 0; i < 8; ++i) {
    for (char c = 'a'; c <= 'z'; ++c) letters += std::string(1, c) + '?';
  }
  for (int i = 0; i < 100; ++i) dots += ".*";
  for (const std::string& inner :
       {std::string("(a?){500}"), letters, dots, std::string("(a?){28}"),
        std::string("(a|aa|aaa|aaaa|b|bb)*"), std::string("(a{0,30}){30}"), std::string("( |  )*x"),
        std::string("(\\d*){9}"), std::string("(a|[^b])*.*(a|.)*")}) {
    const std::string pattern = "^" + inner + "$";
    EXPECT_EQ(complaint(json{{"pattern", pattern}}.dump()), "/pattern") << pattern;
  }
  // Few each, too many together; the same behind references.
  json many = json::object();
  for (int i = 0; i < 3; ++i) many["properties"][std::to_string(i)] = {{"pattern", "^(a?){13}$"}};
  EXPECT_EQ(complaint(many.dump()), "/properties/2/pattern");
  json refs{{"$defs", {{"p", {{"pattern", "^.*.*.*.*$"}}}}}};
  refs["anyOf"] = json::array_t(3, json{{"$ref", "#/$defs/p"}});
  EXPECT_EQ(complaint(refs.dump()), "");
}

TEST(SchemaCheck, takes_patterns_that_a_text_fits_in_few_ways) {
  for (const char* pattern :
       {"^a?b?c?d?e?f?g?h?i?j?k?l?m?n?o?p?q?r?s?t?u?v?w?x?y?z?$", "^.*@.*$", "^.*foo.*bar.*$",
        "^[a-z0-9._-]+@[a-z0-9-]+(\\.[a-z]{2,8}){1,3}$", "^(a|b?)*$", "^(a*)*$",
        "^\\(?[0-9]{3}\\)?[- ]?[0-9]{3}-[0-9]{4}$", "^[^\"]{0,500}$", "^a{0,2000}$",
        "^((25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)\\.){3}(25[0-5]|[01]?[0-9][0-9]?)$"})
    EXPECT_EQ(complaint(json{{"pattern", pattern}}.dump()), "") << pattern;
}

TEST(SchemaCheck, counts_alternatives_along_references) {
  const auto tree = [](int levels, int wide) {
    json root{{"$ref", "#/$defs/a" + std::to_string(levels)}};
    root["$defs"]["a0"] = {{"type", "string"}};
    for (int i = 1; i <= levels; ++i) {
      const json below{{"$ref", "#/$defs/a" + std::to_string(i - 1)}};
      root["$defs"]["a" + std::to_string(i)] = {{"anyOf", json::array_t(wide, below)}};
    }
    return root.dump();
  };
  EXPECT_EQ(complaint(tree(2, 20)), "");
  EXPECT_EQ(complaint(tree(9, 20)), "/$defs/a3");
  EXPECT_EQ(complaint(R"({"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}})"), "/$defs/a");
  json lists{{"$ref", "#/$defs/a"}};  // Of lists of lists: a token may open several.
  lists["$defs"]["a"]["anyOf"] =
      json::array_t(5, json{{"type", "array"}, {"items", {{"$ref", "#/$defs/a"}}}});
  EXPECT_EQ(complaint(lists.dump()), "/$defs/a");
  // What recurs in earnest: any JSON, and the nodes of a tree.
  EXPECT_EQ(complaint(R"({"$ref":"#/$defs/j","$defs":{"j":{"anyOf":[{"type":"string"},)"
                      R"({"type":"number"},{"type":"null"},{"type":"array","items":)"
                      R"({"$ref":"#/$defs/j"}},{"type":"object","additionalProperties":)"
                      R"({"$ref":"#/$defs/j"}}]}}})"),
            "");
  json nodes{{"$ref", "#/$defs/n"}};
  for (int i = 0; i < 10; ++i) {
    nodes["$defs"]["n"]["anyOf"].push_back(
        {{"type", "object"},
         {"properties",
          {{"kind", {{"const", i}}},
           {"children", {{"type", "array"}, {"items", {{"$ref", "#/$defs/n"}}}}}}}});
  }
  EXPECT_EQ(complaint(nodes.dump()), "");
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
