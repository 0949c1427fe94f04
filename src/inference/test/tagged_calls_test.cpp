// SPDX-License-Identifier: Apache-2.0
// Calls of tools in tags: how tools are told, the grammar's schema, and how answers are read at
// every place where they may be cut.
#include "llama/tagged_calls.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "llama/schema_check.hpp"

namespace accel::inference::llama {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const std::string kCity =
    R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})";
const std::vector<ToolDefinition> kTools{{"get_weather", "Weather of a city.", kCity}, {"now"}};

Answer read(std::string_view text, bool partial = false) {
  return TaggedCalls().read(text, partial);
}

TEST(TaggedCalls, are_read_with_what_was_said_before) {
  const Answer answer = read(
      "Let me see.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"a}\\\"\"}}"
      "\n</tool_call>\n<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>");
  EXPECT_EQ(answer.content, "Let me see.");
  ASSERT_EQ(answer.calls.size(), 2U);
  EXPECT_EQ(answer.calls[0].name, "get_weather");
  EXPECT_EQ(answer.calls[0].arguments, R"({"city": "a}\""})");
  EXPECT_EQ(answer.calls[1].name, "now");
  EXPECT_EQ(answer.calls[1].arguments, "{}");
}

TEST(TaggedCalls, cut_anywhere_only_grow) {
  const std::string text =
      "Hm  <tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": [1, {\"b\": \"\\\"\"}]}}\n"
      "</tool_call>\n<tool_call>{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";
  Answer before;
  for (std::size_t size = 0; size <= text.size(); ++size) {
    const Answer now = read(text.substr(0, size), true);
    EXPECT_TRUE(now.content.starts_with(before.content)) << text.substr(0, size);
    ASSERT_GE(now.calls.size(), before.calls.size()) << text.substr(0, size);
    for (std::size_t i = 0; i < before.calls.size(); ++i) {
      EXPECT_EQ(now.calls[i].name, before.calls[i].name);
      EXPECT_TRUE(now.calls[i].arguments.starts_with(before.calls[i].arguments));
    }
    before = now;
  }
  EXPECT_EQ(before.content, "Hm");
  EXPECT_EQ(before.calls.size(), 2U);
}

TEST(TaggedCalls, that_are_none_stay_words) {
  for (const char* text : {"a <tool_call> is a tag", "<tool_call>{\"nam\": 1}", "</tool_call>",
                           "<tool_call>[{\"name\": \"f\"}]</tool_call>", "<tool_cal",
                           "<tool_call>{\"name\": 3, \"arguments\": {}}"}) {
    EXPECT_EQ(read(text).content, text);
    EXPECT_TRUE(read(text).calls.empty()) << text;
  }
  EXPECT_EQ(read("a <tool_call> is", true).content, "a <tool_call> is");
  EXPECT_EQ(read("a <tool_c", true).content, "a");
  EXPECT_EQ(read("a <tool_call>", true).content, "a");
}

TEST(TaggedCalls, hostile_text_is_read_within_bounds) {
  std::string many;
  for (int i = 0; i < 1000; ++i) many += R"(<tool_call>{"name":"f","arguments":{}}</tool_call>)";
  EXPECT_EQ(read(many).calls.size(), kMaxCalls);
  std::string deep = R"(<tool_call>{"name":"f","arguments":)" + std::string(100'000, '{');
  EXPECT_EQ(read(deep).calls.size(), 1U);
  EXPECT_TRUE(read("<tool_call>{\"name\": \"\xFF\", \"arguments\": {}}").calls.empty());
}

TEST(ToldTools, stand_in_the_system_message) {
  const std::vector<ChatMessage> alone{{"user", "hi"}};
  auto told = with_told_tools({alone, kTools});
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0].role, "system");
  EXPECT_THAT(told[0].content, HasSubstr(R"({"name":"get_weather","description":"Weather of)"));
  const std::vector<ChatMessage> both{{"system", "Be brief."}, {"user", "hi"}};
  told = with_told_tools({both, kTools, ToolChoice::required});
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[0].content.starts_with("Be brief.\n\n"));
  EXPECT_THAT(told[0].content, HasSubstr("Answer with a call."));
  EXPECT_EQ(with_told_tools({both, kTools, ToolChoice::none})[0].content, "Be brief.");
}

TEST(ToldTools, earlier_calls_and_their_results_are_text) {
  const std::vector<ChatMessage> messages{
      {"user", "hi"},
      {"assistant", "", {{"1", "now", "{}"}, {"2", "f", R"({"a":1})"}}},
      {"tool", "noon", {}, "1"},
      {"tool", "3", {}, "2"}};
  const auto told = with_told_tools({messages});
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[1].content,
            "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>\n"
            "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</tool_call>");
  EXPECT_EQ(told[2].role, "user");
  EXPECT_EQ(told[2].content,
            "<tool_response>\nnoon\n</tool_response>\n<tool_response>\n3\n</tool_response>");
}

TEST(CallSchema, names_each_tool_with_its_arguments_and_moves_their_references) {
  const std::vector<ToolDefinition> tools{
      {"f", "",
       R"({"type":"object","properties":{"z":{"$ref":"#/$defs/n"},"a":{"type":"integer"}},)"
       R"("$defs":{"n":{"type":"object","properties":{"next":{"$ref":"#/$defs/n"}}}}})"},
      {"now"}};
  const auto schema = call_schema(tools);
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_TRUE(check_schema(*schema, Enforce::what_can_be));
  EXPECT_THAT(*schema, HasSubstr(R"("#/anyOf/0/properties/arguments/$defs/n")"));
  EXPECT_LT(schema->find("\"z\""), schema->find("\"a\"")) << "order is kept";
  EXPECT_THAT(*schema, HasSubstr(R"({"const":"now"})"));
}

TEST(CallSchema, refuses_by_the_name_of_the_tool) {
  const auto refusal = [](std::string parameters, bool strict) {
    const std::vector<ToolDefinition> tools{{"f", "", std::move(parameters), strict}};
    const auto schema = call_schema(tools);
    return schema ? std::string() : schema.error().message;
  };
  for (const char* bad :
       {"[]", "{", R"({"type":"string"})", R"({"properties":[]})", "\"\xFF\"",
        R"({"properties":{"a":{"$ref":"#/nowhere"}}})", R"({"properties":{"a":{"allOf":[]}}})"})
    EXPECT_THAT(refusal(bad, false), HasSubstr("The tool \"f\"")) << bad;
  EXPECT_THAT(refusal(std::string(100'000, '['), false), HasSubstr("\"f\""));
  const char* const mail = R"({"properties":{"a":{"type":"string","format":"email"}}})";
  EXPECT_EQ(refusal(mail, false), "");
  EXPECT_THAT(refusal(mail, true), HasSubstr("/properties/a/format"));
}

TEST(TaggedGrammar, begins_where_a_call_does) {
  const std::regex trigger(tagged_trigger());
  EXPECT_TRUE(std::regex_search("x <tool_call>\n{\"name\"", trigger));
  EXPECT_FALSE(std::regex_search("a <tool_call> tag", trigger));
  EXPECT_THAT(tagged_grammar("r ::= x\n", false), HasSubstr("root ::= call\n"));
  EXPECT_THAT(tagged_grammar("r ::= x\n", true), HasSubstr("{0,15}"));
}

TEST(CallOrAnswer, has_a_schema_of_either_and_moves_the_references_of_both) {
  const std::vector<ToolDefinition> tools{
      {"f", "", R"({"properties":{"z":{"$ref":"#/$defs/n"}},"$defs":{"n":{"type":"integer"}}})"}};
  constexpr const char* kAnswer =
      R"({"type":"object","properties":{"b":{"$ref":"#/$defs/m"},"a":{}},"$defs":{"m":{}}})";
  const auto schema = call_or_answer_schema(tools, kAnswer);
  ASSERT_TRUE(schema) << schema.error().message;
  EXPECT_TRUE(check_schema(*schema, Enforce::what_can_be));
  EXPECT_THAT(*schema, HasSubstr(R"("#/anyOf/0/anyOf/0/properties/arguments/$defs/n")"));
  EXPECT_THAT(*schema, HasSubstr(R"("#/anyOf/1/$defs/m")"));
  EXPECT_LT(schema->find("\"b\""), schema->find("\"a\":{}")) << "order is kept";
  for (const char* bad : {"[]", "{", "1"}) EXPECT_FALSE(call_or_answer_schema(tools, bad)) << bad;
}

TEST(CallOrAnswer, has_a_grammar_of_the_two_rules_that_llama_cpp_names) {
  constexpr const char* kRules = "response-format-schema-0 ::= x\nresponse-format-schema-1 ::= y\n";
  const auto grammar = tagged_or_json_grammar(kRules, false);
  ASSERT_TRUE(grammar) << grammar.error().message;
  EXPECT_THAT(*grammar, HasSubstr("\nroot ::= call | response-format-schema-1\n"));
  EXPECT_THAT(*grammar, HasSubstr("\"<tool_call>\" call-space response-format-schema-0 "));
  EXPECT_EQ(tagged_or_json_grammar("response-format ::= x\n", true).error().code,
            Errc::unsupported);
}

TEST(CallOrAnswer, is_read_by_how_it_begins) {
  const TaggedCallsOrJson format;
  constexpr std::string_view kCall = R"(<tool_call>{"name":"f","arguments":{}}</tool_call>)";
  EXPECT_EQ(format.read(kCall, false).calls.size(), 1U);
  const std::string quoted = R"({"said":"<tool_call>{\"name\":\"f\",\"arguments\":{}}"})";
  const std::string bare = R"(["<tool_call>{"name":"f","arguments":{}}</tool_call>"])";
  for (const std::string& text : {quoted, bare}) {
    EXPECT_EQ(format.read(text, false).content, text) << "no call within JSON";
    EXPECT_TRUE(format.read(text, false).calls.empty());
  }
  for (std::size_t size = 0; size < kCall.size(); ++size)
    EXPECT_EQ(format.read(kCall.substr(0, size), true).content, "") << size;
  EXPECT_EQ(format.read(R"({"a)", true).content, R"({"a)");
}

}  // namespace
}  // namespace accel::inference::llama
