// SPDX-License-Identifier: Apache-2.0
// The translators: what is sent, and what comes back, whole, in pieces, and hostile. Exchanges:
// test/data/endpoints, written from the providers' public descriptions.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "wire/reply_reader.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string data(const std::string& name) {
  return read_text_file("test/data/endpoints/" + name, 1U << 20U).value();
}

const char* type_of(const std::string& name) {
  if (name.ends_with(".sse")) return "text/event-stream; charset=utf-8";
  return name.ends_with(".ndjson") ? "application/x-ndjson" : "application/json";
}

// In pieces of `step` bytes.
Result<Answer> read(Wire wire, Operation operation, const std::string& text, const char* type,
                    std::size_t step) {
  ReplyReader reader(wire, operation, type);
  for (std::size_t at = 0; at < text.size(); at += step)
    ACCEL_CHECK(reader.push(std::string_view(text).substr(at, step)));
  ACCEL_CHECK(reader.finish());
  return reader.state().answer;
}

Result<Answer> read_file_of(Wire wire, Operation operation, const std::string& name,
                            std::size_t step = 7) {
  return read(wire, operation, data(name), type_of(name), step);
}

Request chat(const std::string& words) {
  Request request;
  request.model = "m";
  request.messages.push_back({"system", "Be brief.", {}, {}, {}});
  request.messages.push_back({"user", words, {}, {}, {}});
  return request;
}

// A conversation in which two tools were called and answered.
Request with_tools() {
  Request request = chat("Weather and time?");
  request.messages.push_back(
      {"assistant", "", {}, {}, {{"c1", "weather", R"({"city":"Bern"})"}, {"c2", "time", ""}}});
  request.messages.push_back({"tool", "sunny", "c1", {}, {}});
  request.messages.push_back({"tool", "noon", "c2", {}, {}});
  request.tools.push_back({"weather", "Of a city", R"({"type":"object"})", false});
  return request;
}

json body_of(Wire wire, const Request& request) {
  const auto written = rules_of(wire).write(request);
  EXPECT_TRUE(written) << written.error().message;
  return json::parse(written->body);
}

TEST(OpenaiWire, a_streamed_answer_is_read_whatever_its_pieces) {
  for (const std::size_t step : {1, 2, 5, 64, 100000}) {
    const auto answer = read_file_of(Wire::openai, Operation::text, "openai_chat.sse", step);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->text, "Hello");
    EXPECT_EQ(answer->finish, "stop");
    EXPECT_EQ(answer->model, "gpt-x-2026");
    EXPECT_EQ(answer->usage.prompt_tokens, 9U);
    EXPECT_EQ(answer->usage.completion_tokens, 2U);
    EXPECT_EQ(answer->usage.cached_tokens, 4U);
  }
}

TEST(OpenaiWire, calls_come_in_parts_with_their_name_once) {
  ReplyReader reader(Wire::openai, Operation::text, "text/event-stream");
  ASSERT_TRUE(reader.push(data("openai_tools.sse")));
  const auto pieces = reader.state().take_pieces();
  ASSERT_EQ(pieces.size(), 4U);
  EXPECT_EQ(pieces[0].part.name, "weather");
  EXPECT_EQ(pieces[1].part.name, "");
  EXPECT_EQ(pieces[1].part.arguments, "{\"city\":");
  EXPECT_EQ(pieces[3].call, 1U);
  ASSERT_TRUE(reader.finish());
  const Answer& answer = reader.state().answer;
  EXPECT_EQ(answer.finish, "tool_calls");
  ASSERT_EQ(answer.calls.size(), 2U);
  EXPECT_EQ(answer.calls[0].arguments, R"({"city":"Bern"})");
  EXPECT_EQ(answer.calls[1].id, "call_b");
  EXPECT_EQ(answer.usage.prompt_tokens, std::nullopt);
}

TEST(OpenaiWire, a_request_says_what_was_asked_and_nothing_else) {
  Request request = chat("Hi");
  request.sampling.temperature = 0.5;
  request.sampling.top_k = 40;
  request.max_tokens = 7;
  request.stop = {"END"};
  const auto written = rules_of(Wire::openai).write(request).value();
  EXPECT_EQ(written.path, "/chat/completions");
  EXPECT_TRUE(written.streams);
  EXPECT_THAT(written.not_sent, ElementsAre("top_k"));
  EXPECT_EQ(json::parse(written.body),
            json::parse(R"({"model":"m","stream":true,"stream_options":{"include_usage":true},
      "temperature":0.5,"max_tokens":7,"stop":["END"],
      "messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}]})"));
  request.max_completion_tokens = true;
  EXPECT_EQ(body_of(Wire::openai, request)["max_completion_tokens"], 7);
}

TEST(OpenaiWire, tools_and_schemas_are_translated) {
  Request request = with_tools();
  request.tool_choice = "weather";
  request.json_schema = R"({"type":"object"})";
  const json body = body_of(Wire::openai, request);
  EXPECT_EQ(body["tools"][0]["function"]["name"], "weather");
  EXPECT_EQ(body["tool_choice"]["function"]["name"], "weather");
  EXPECT_EQ(body["messages"][2]["tool_calls"][0]["function"]["arguments"], R"({"city":"Bern"})");
  EXPECT_EQ(body["messages"][2]["content"], nullptr);
  EXPECT_EQ(body["messages"][3]["tool_call_id"], "c1");
  EXPECT_EQ(body["response_format"]["json_schema"]["schema"]["type"], "object");
}

TEST(OpenaiWire, embeddings_are_put_into_the_order_of_their_inputs) {
  const std::string body =
      R"({"data":[{"index":1,"embedding":[2,3]},{"index":0,"embedding":[0.5,1]}],)"
      R"("usage":{"prompt_tokens":6}})";
  const auto answer = read(Wire::openai, Operation::embedding, body, "application/json", 10);
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->vectors, ElementsAre(ElementsAre(0.5F, 1.0F), ElementsAre(2.0F, 3.0F)));
  EXPECT_EQ(answer->usage.prompt_tokens, 6U);
  for (const char* wrong :
       {R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})",
        R"({"data":[{"index":7,"embedding":[1]}]})", R"({"data":[{"embedding":["x"]}]})",
        R"({"data":[{"embedding":[]}]})", R"({"data":[{}]})"}) {
    const auto refused = read(Wire::openai, Operation::embedding, wrong, "application/json", 99);
    ASSERT_FALSE(refused) << wrong;
    EXPECT_EQ(refused.error().code, Errc::protocol);
  }
}

TEST(AnthropicWire, a_stream_with_pings_ends_as_cut_with_all_its_usage) {
  const auto answer = read_file_of(Wire::anthropic, Operation::text, "anthropic_text.sse");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "Good day");
  EXPECT_EQ(answer->finish, "length");
  EXPECT_EQ(answer->usage.prompt_tokens, 25U);
  EXPECT_EQ(answer->usage.cached_tokens, 5U);
  EXPECT_EQ(answer->usage.completion_tokens, 15U);
}

TEST(AnthropicWire, thoughts_are_no_part_of_an_answer_and_calls_are) {
  const auto answer = read_file_of(Wire::anthropic, Operation::text, "anthropic_tools.sse");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "");
  EXPECT_EQ(answer->finish, "tool_calls");
  ASSERT_EQ(answer->calls.size(), 1U);
  EXPECT_EQ(answer->calls[0].id, "toolu_1");
  EXPECT_EQ(answer->calls[0].arguments, R"({"city": "Bern"})");
}

TEST(AnthropicWire, an_error_in_the_middle_is_an_error_of_the_server) {
  const auto answer = read_file_of(Wire::anthropic, Operation::text, "anthropic_overloaded.sse");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("Overloaded"));
}

TEST(AnthropicWire, turns_of_one_side_become_one_and_the_system_stands_apart) {
  Request request = with_tools();
  request.sampling.temperature = 1.5;
  request.sampling.seed = 3;
  request.tool_choice = "required";
  request.parallel_tool_calls = false;
  const auto written = rules_of(Wire::anthropic).write(request).value();
  EXPECT_EQ(written.headers.get("anthropic-version"), "2023-06-01");
  EXPECT_THAT(written.not_sent, ElementsAre("temperature above 1", "seed"));
  const json body = json::parse(written.body);
  EXPECT_EQ(body["system"], "Be brief.");
  EXPECT_EQ(body["max_tokens"], 4096);
  EXPECT_EQ(body["temperature"], 1.0);
  EXPECT_EQ(body["tool_choice"], json::parse(R"({"type":"any","disable_parallel_tool_use":true})"));
  ASSERT_EQ(body["messages"].size(), 3U);
  EXPECT_EQ(body["messages"][1]["content"][1],
            json::parse(R"({"type":"tool_use","id":"c2","name":"time","input":{}})"));
  EXPECT_EQ(body["messages"][2]["role"], "user");
  EXPECT_EQ(body["messages"][2]["content"].size(), 2U);
}

TEST(GeminiWire, a_stream_of_whole_replies_is_one_answer) {
  const auto answer = read_file_of(Wire::gemini, Operation::text, "gemini_text.sse");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "Salve, munde");
  EXPECT_EQ(answer->finish, "stop");
  EXPECT_EQ(answer->usage.prompt_tokens, 8U);
  EXPECT_EQ(answer->usage.completion_tokens, 8U);
}

TEST(GeminiWire, a_call_has_arguments_as_text_and_a_name_of_its_own) {
  const auto answer = read_file_of(Wire::gemini, Operation::text, "gemini_call.json");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->finish, "tool_calls");
  ASSERT_EQ(answer->calls.size(), 1U);
  EXPECT_EQ(answer->calls[0].id, "call_0");
  EXPECT_EQ(answer->calls[0].arguments, R"({"city":"Bern"})");
}

TEST(GeminiWire, results_name_the_function_that_was_called) {
  Request request = with_tools();
  request.json_schema = R"({"type":"object"})";
  request.max_tokens = 5;
  const auto written = rules_of(Wire::gemini).write(request).value();
  EXPECT_EQ(written.path, "/models/m:streamGenerateContent");
  EXPECT_EQ(written.query, "alt=sse");
  const json body = json::parse(written.body);
  EXPECT_EQ(body["systemInstruction"]["parts"][0]["text"], "Be brief.");
  ASSERT_EQ(body["contents"].size(), 3U);
  EXPECT_EQ(body["contents"][1]["role"], "model");
  EXPECT_EQ(body["contents"][2]["parts"][1]["functionResponse"]["name"], "time");
  EXPECT_EQ(body["generationConfig"]["maxOutputTokens"], 5);
  EXPECT_EQ(body["generationConfig"]["responseMimeType"], "application/json");
}

TEST(GeminiWire, embeddings_and_a_name_that_would_leave_its_path) {
  const auto answer = read_file_of(Wire::gemini, Operation::embedding, "gemini_embed.json");
  ASSERT_TRUE(answer);
  EXPECT_THAT(answer->vectors[0], ElementsAre(0.5F, -0.25F));
  Request request = chat("x");
  request.model = "a b?c#d";
  EXPECT_EQ(rules_of(Wire::gemini).write(request)->path,
            "/models/a%20b%3Fc%23d:streamGenerateContent");
}

TEST(GeminiWire, a_refused_prompt_is_the_requests_fault) {
  const auto answer =
      read(Wire::gemini, Operation::text, R"({"promptFeedback":{"blockReason":"SAFETY"}})",
           "application/json", 99);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::invalid_argument);
}

TEST(OllamaWire, lines_are_one_answer_with_the_counts_of_the_last) {
  for (const std::size_t step : {1, 13, 100000}) {
    const auto answer = read_file_of(Wire::ollama, Operation::text, "ollama_chat.ndjson", step);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->text, "Hola");
    EXPECT_EQ(answer->usage.prompt_tokens, 26U);
    EXPECT_EQ(answer->usage.completion_tokens, 2U);
  }
  const auto calls = read_file_of(Wire::ollama, Operation::text, "ollama_tools.ndjson");
  ASSERT_TRUE(calls);
  EXPECT_EQ(calls->finish, "tool_calls");
  EXPECT_EQ(calls->calls.at(0).arguments, R"({"city":"Bern"})");
}

TEST(OllamaWire, a_prompt_goes_raw_and_a_forced_call_is_refused) {
  Request request;
  request.model = "m";
  request.prompt = "Once";
  request.sampling.min_p = 0.1;
  const auto written = rules_of(Wire::ollama).write(request).value();
  EXPECT_EQ(written.path, "/api/generate");
  EXPECT_THAT(written.not_sent, IsEmpty());
  EXPECT_EQ(json::parse(written.body)["raw"], true);
  EXPECT_EQ(json::parse(written.body)["options"]["min_p"], 0.1);
  Request forced = with_tools();
  forced.tool_choice = "required";
  EXPECT_EQ(rules_of(Wire::ollama).write(forced).error().code, Errc::unsupported);
}

TEST(TeiWire, a_list_of_lists) {
  const auto answer = read_file_of(Wire::tei, Operation::embedding, "tei_embed.json");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->vectors.size(), 2U);
  EXPECT_FALSE(read(Wire::tei, Operation::embedding, "{}", "application/json", 9));
}

TEST(OipWire, tensors_go_and_come_as_they_are) {
  Request request;
  request.operation = Operation::tensors;
  request.model = "a/b";
  request.tensors = R"([{"name":"x","datatype":"FP32","shape":[1],"data":[1.5]}])";
  request.outputs = {"y"};
  const auto written = rules_of(Wire::oip).write(request).value();
  EXPECT_EQ(written.path, "/v2/models/a%2Fb/infer");
  EXPECT_EQ(json::parse(written.body)["outputs"][0]["name"], "y");
  EXPECT_FALSE(json::parse(written.body).contains("parameters"));
  request.time_left = std::chrono::milliseconds(1500);
  const auto bounded = rules_of(Wire::oip).write(request).value();
  EXPECT_EQ(json::parse(bounded.body)["parameters"]["timeout"], 1'500'000) << "in microseconds";
  const auto answer =
      read(Wire::oip, Operation::tensors,
           R"({"model_name":"m","outputs":[{"name":"y","data":[3]}]})", "application/json", 9);
  ASSERT_TRUE(answer);
  EXPECT_EQ(json::parse(answer->tensors)[0]["data"][0], 3);
  EXPECT_FALSE(read(Wire::oip, Operation::tensors, R"({"outputs":[]})", "application/json", 9));
}

TEST(Wires, what_a_protocol_has_no_word_for_is_refused_by_name) {
  Request request = chat("x");
  for (const auto& [wire, operation] :
       {std::pair(Wire::openai, Operation::tensors), std::pair(Wire::tei, Operation::text),
        std::pair(Wire::oip, Operation::text), std::pair(Wire::oip, Operation::embedding),
        std::pair(Wire::anthropic, Operation::embedding),
        std::pair(Wire::gemini, Operation::tensors)}) {
    request.operation = operation;
    EXPECT_FALSE(speaks(wire, operation));
    const auto written = rules_of(wire).write(request);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, Errc::unsupported);
  }
}

// A stream that is cut at any place is no answer, and never one that looks whole.
TEST(Wires, a_stream_that_is_cut_is_an_error_wherever_it_is_cut) {
  const std::pair<Wire, const char*> streams[] = {{Wire::openai, "openai_chat.sse"},
                                                  {Wire::anthropic, "anthropic_text.sse"},
                                                  {Wire::gemini, "gemini_text.sse"},
                                                  {Wire::ollama, "ollama_chat.ndjson"}};
  for (const auto& [wire, name] : streams) {
    const std::string whole = data(name);
    const std::string words = read(wire, Operation::text, whole, type_of(name), 999)->text;
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const auto answer = read(wire, Operation::text, whole.substr(0, length), type_of(name), 999);
      const std::string read_words = answer ? answer->text : words;
      EXPECT_EQ(read_words, words) << name << " cut after " << length;
    }
    EXPECT_FALSE(
        read(wire, Operation::text, whole.substr(0, whole.size() / 2), type_of(name), 999));
  }
}

TEST(Wires, hostile_replies_are_errors) {
  const std::string deep(100000, '[');
  const std::string hostile[] = {"",
                                 "null",
                                 "[]",
                                 "{",
                                 "\xff\xfe",
                                 "{\"choices\":{}}",
                                 deep,
                                 "{\"choices\":[null]}",
                                 "{\"error\":\"no\"}",
                                 "data: {}\n\n"};
  for (const Wire wire : {Wire::openai, Wire::anthropic, Wire::gemini, Wire::ollama}) {
    for (const std::string& text : hostile) {
      for (const char* type : {"application/json", "text/event-stream", "application/x-ndjson"})
        (void)read(wire, Operation::text, text, type, 3000);
    }
    EXPECT_FALSE(read(wire, Operation::text, deep, "application/json", 99999));
    EXPECT_FALSE(read(wire, Operation::text, "", "text/event-stream", 1));
  }
}

TEST(Wires, a_key_is_taken_out_of_texts_even_when_it_is_a_part_of_what_stands_for_it) {
  EXPECT_EQ(without("wrong key key", "key"), "wrong [key] [key]");
  EXPECT_EQ(without("eee", "e"), "[key][key][key]");
  EXPECT_EQ(without("sk-1 and sk-12", "sk-12"), "sk-1 and [key]");
  EXPECT_EQ(without("nothing", ""), "nothing");
}

TEST(Wires, an_event_without_end_and_too_many_calls_are_refused) {
  ReplyReader reader(Wire::openai, Operation::text, "text/event-stream");
  const std::string part(1U << 20U, 'x');
  Status status;
  for (int i = 0; i < 6 && status; ++i) status = reader.push("data: " + part);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::resource_exhausted);
  AnswerState state;
  for (std::size_t i = 0; i < kMaxCalls; ++i) ASSERT_TRUE(state.add_call(i, {"", "f", ""}));
  EXPECT_FALSE(state.add_call(kMaxCalls, {"", "f", ""}));
}

net::HttpReply reply_with(int status, std::string body, net::Headers headers = {}) {
  net::HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.headers = std::move(headers);
  return reply;
}

TEST(Refusals, quote_the_server_and_never_the_key) {
  const auto refusal =
      refusal_of(reply_with(401, data("openai_error.json")), "cloud", "sk-secret-1234");
  EXPECT_EQ(refusal.error.code, Errc::unauthenticated);
  EXPECT_THAT(refusal.error.message, HasSubstr("Incorrect API key provided: [key]"));
  EXPECT_THAT(refusal.error.message, Not(HasSubstr("secret")));
}

TEST(Refusals, read_how_long_to_wait) {
  const auto after = [](net::Headers headers) {
    return refusal_of(reply_with(429, "", std::move(headers)), "e", "").retry_after;
  };
  using namespace std::chrono_literals;
  EXPECT_EQ(after({{"Retry-After", "2"}}), 2s);
  EXPECT_EQ(after({{"Retry-After", "2"}, {"retry-after-ms", "250"}}), 250ms);
  EXPECT_EQ(after({{"Retry-After", "1e12"}}), 1h);
  for (const char* wrong : {"", "-1", "soon", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"})
    EXPECT_EQ(after({{"Retry-After", wrong}}), std::nullopt) << wrong;
}

TEST(Refusals, of_redirects_and_of_words_that_are_none) {
  EXPECT_EQ(refusal_of(reply_with(302, "x"), "e", "").error.code, Errc::protocol);
  const auto odd = refusal_of(reply_with(503, "<html>\x1b[31m\nsecond"), "e", "");
  EXPECT_EQ(odd.error.code, Errc::unavailable);
  EXPECT_THAT(odd.error.message, Not(HasSubstr("\x1b")));
  EXPECT_EQ(refusal_of(reply_with(529, "{}"), "e", "").error.code, Errc::unavailable);
}

}  // namespace
}  // namespace accel::endpoints
