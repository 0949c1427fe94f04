// SPDX-License-Identifier: Apache-2.0
// Tools in the words of OpenAI and Ollama: requests, messages, answers, streams.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocols/ollama.hpp"
#include "protocols/openai.hpp"
#include "protocols/tools.hpp"

namespace accel::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const ReplyFacts kFacts{"abc", "m", "2026-01-01T00:00:00Z", 1767225600};

json chat_body(json more = json::object()) {
  json body{{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(more);
  return body;
}

json with_tools(json more = json::object()) {
  json body = chat_body(
      {{"tools",
        {{{"type", "function"},
          {"function",
           {{"name", "f"}, {"description", "d"}, {"parameters", {{"type", "object"}}}}}}}}});
  body.update(more);
  return body;
}

const json kCalled{{"text", ""},
                   {"finish", "tool_calls"},
                   {"tool_calls", {{{"id", "c1"}, {"name", "f"}, {"arguments", R"({"a":1})"}}}},
                   {"prompt_tokens", 5},
                   {"completion_tokens", 2}};

TEST(Tools, and_schemas_with_thousands_of_members_are_refused_before_they_cost_time) {
  json many = json::object();
  for (int i = 0; i < 50'000; ++i) many[std::to_string(i)] = 0;
  const std::string bodies[] = {
      with_tools({{"tools",
                   {{{"type", "function"},
                     {"function", {{"name", "f"}, {"parameters", {{"default", many}}}}}}}}})
          .dump(),
      chat_body({{"response_format",
                  {{"type", "json_schema"}, {"json_schema", {{"schema", {{"default", many}}}}}}}})
          .dump()};
  for (const std::string& text : bodies) {
    const auto asked = openai::chat_request(json::parse(text), text);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, Errc::invalid_argument);
    EXPECT_THAT(asked.error().message, HasSubstr("too many members"));
  }
}

TEST(Tools, of_a_request_become_the_methods_own) {
  const std::string text =
      R"({"model":"m","messages":[{"role":"user","content":"c"}],"tools":[{"type":"function",)"
      R"("function":{"name":"f","parameters":{"z":1,"a":2}}}],"stream":true,)"
      R"("tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false})";
  const auto asked = openai::chat_request(json::parse(text), text);
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->params.at("tools").at(0).at("parameters"), R"({"z":1,"a":2})");
  EXPECT_EQ(asked->params.at("tool_choice"), json({{"name", "f"}}));
  EXPECT_EQ(asked->params.at("parallel_tool_calls"), false);
  EXPECT_EQ(asked->params.at("parts"), true);
  const auto ollama_asked = ollama::chat_request(with_tools());
  ASSERT_TRUE(ollama_asked) << ollama_asked.error().message;
  EXPECT_EQ(ollama_asked->params.at("tools").at(0).at("name"), "f");
  EXPECT_FALSE(openai::chat_request(chat_body())->params.contains("tools"));
}

TEST(Tools, that_are_malformed_are_refused_by_their_place) {
  const auto refuses = [](const json& tools, const char* words) {
    for (const auto& asked : {openai::chat_request(with_tools({{"tools", tools}})),
                              ollama::chat_request(with_tools({{"tools", tools}}))}) {
      ASSERT_FALSE(asked) << tools;
      EXPECT_THAT(asked.error().message, HasSubstr(words));
    }
  };
  refuses(3, "tools");
  refuses({1}, "tools[0]");
  refuses({{{"type", "function"}}}, "tools[0].function");
  refuses({{{"function", json::object()}}}, "tools[0].function.name");
  refuses({{{"function", {{"name", 3}}}}}, "tools[0].function.name");
  refuses({{{"function", {{"name", "f"}, {"parameters", "x"}}}}}, "tools[0].function.parameters");
  refuses({{{"function", {{"name", "f"}, {"description", 1}}}}}, "tools[0].function.description");
  refuses({{{"function", {{"name", "f"}, {"strict", 1}}}}}, "tools[0].function.strict");
  refuses({{{"function", {{"name", "f"}, {"code", "x"}}}}}, "code");
  refuses({{{"type", "web_search"}}}, "tools[0].type");
  refuses(json::array_t(10'000, json::object()), "10000");
  const json choices{"sometimes", 3, {{"type", "function"}}, {{"type", "allowed_tools"}}};
  for (const json& choice : choices) {
    const auto asked = openai::chat_request(with_tools({{"tool_choice", choice}}));
    ASSERT_FALSE(asked) << choice;
    EXPECT_THAT(asked.error().message, HasSubstr("tool_choice"));
  }
}

TEST(Tools, calls_and_results_in_messages_are_read_in_either_manner) {
  for (const json& arguments : {json(R"({"a":1})"), json{{"a", 1}}}) {
    json body = chat_body();
    body["messages"].push_back(
        {{"role", "assistant"},
         {"content", nullptr},
         {"tool_calls",
          {{{"id", "c1"}, {"function", {{"name", "f"}, {"arguments", arguments}}}}}}});
    body["messages"].push_back({{"role", "tool"}, {"tool_call_id", "c1"}, {"content", "4"}});
    const auto asked = openai::chat_request(body);
    ASSERT_TRUE(asked) << asked.error().message;
    const json& messages = asked->params.at("messages");
    EXPECT_EQ(messages.at(1).at("tool_calls").at(0).at("arguments"), R"({"a":1})");
    EXPECT_EQ(messages.at(1).at("content"), "");
    EXPECT_EQ(messages.at(2).at("tool_call_id"), "c1");
  }
  const auto refuses = [](const json& message, const char* words) {
    json body = chat_body();
    body["messages"].push_back(message);
    const auto asked = openai::chat_request(body);
    ASSERT_FALSE(asked) << message;
    EXPECT_THAT(asked.error().message, HasSubstr(words));
  };
  refuses({{"role", "assistant"}, {"content", nullptr}}, "messages[1]");
  refuses({{"role", "assistant"}, {"tool_calls", 3}}, "messages[1].tool_calls");
  refuses({{"role", "assistant"}, {"tool_calls", {3}}}, "messages[1].tool_calls[0]");
  const json call{{"function", {{"name", "f"}, {"arguments", 3}}}};
  refuses({{"role", "assistant"}, {"tool_calls", {call}}}, "arguments");
  refuses({{"role", "tool"}, {"content", "x"}, {"tool_call_id", 3}}, "messages[1].tool_call_id");
  refuses({{"role", "user"}, {"content", "x"}, {"tool_call_id", "c"}}, "tool_call_id");
}

TEST(Tools, calls_go_out_in_each_protocols_shape) {
  const json chat = openai::text_reply(openai::Kind::chat, kFacts, kCalled);
  const json& choice = chat.at("choices").at(0);
  EXPECT_EQ(choice.at("finish_reason"), "tool_calls");
  EXPECT_EQ(choice.at("message").at("content"), nullptr);
  EXPECT_EQ(choice.at("message").at("tool_calls"),
            json::parse(R"([{"id":"c1","type":"function","function":)"
                        R"({"name":"f","arguments":"{\"a\":1}"}}])"));
  const json line = ollama::text_reply(ollama::Kind::chat, kFacts, kCalled, true);
  EXPECT_EQ(line.at("message").at("tool_calls").at(0).at("function").at("arguments"),
            json({{"a", 1}}));
  EXPECT_EQ(line.at("done_reason"), "stop");
  const std::string lines = ollama::last_lines(ollama::Kind::chat, kFacts, kCalled);
  const json first = json::parse(lines.substr(0, lines.find('\n')));
  EXPECT_EQ(first.at("done"), false);
  EXPECT_EQ(first.at("message").at("tool_calls").size(), 1U);
  json cut = kCalled;
  cut["tool_calls"][0]["arguments"] = R"({"a)";
  EXPECT_FALSE(ollama::text_reply(ollama::Kind::chat, kFacts, cut, true)
                   .at("message")
                   .contains("tool_calls"));
}

TEST(Tools, parts_of_a_stream_become_events) {
  const std::string lines = R"({"content":"Hm"})"
                            "\n"
                            R"({"call":{"index":0,"id":"c1","name":"f","arguments":""}})"
                            "\n"
                            R"({"call":{"index":0,"arguments":"{}"}})"
                            "\n";
  const std::string events = openai::part_events(openai::Kind::chat, kFacts, lines);
  EXPECT_THAT(events, HasSubstr(R"("content":"Hm")"));
  EXPECT_THAT(events, HasSubstr(R"("tool_calls":[{"function":{"arguments":"","name":"f"},)"));
  EXPECT_THAT(events, HasSubstr(R"([{"function":{"arguments":"{}"},"index":0}])"));
  EXPECT_EQ(openai::part_events(openai::Kind::chat, kFacts, "no json\n"), "");
}

}  // namespace
}  // namespace accel::server
