// SPDX-License-Identifier: Apache-2.0
// The protocols' words without a node behind them, and the contract: api/openapi.yaml.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "accel/core/file.hpp"
#include "protocols/ollama.hpp"
#include "protocols/openai.hpp"
#include "protocols/protocol_server.hpp"
#include "protocols/text_queue.hpp"

namespace accel::server {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

const ReplyFacts kFacts{"abc", "m", "2026-01-01T00:00:00Z", 1767225600};
const json kResult{{"text", "Paris."},       {"finish", "stop"}, {"prompt_tokens", 5},
                   {"completion_tokens", 2}, {"total_ms", 3.0},  {"load_ms", 0.0},
                   {"prefill_ms", 1.0},      {"decode_ms", 2.0}};

json chat_body(json more = json::object()) {
  json body{{"model", "m"}, {"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  body.update(more);
  return body;
}

// "GET /v1/models open", of the lines of the file: two spaces before a path, four before a method.
std::set<std::string> contract() {
  const auto text = read_text_file("api/openapi.yaml", 1U << 20U);
  EXPECT_TRUE(text);
  std::set<std::string> routes;
  std::string path, route;
  std::istringstream lines(text.value_or(""));
  for (std::string line; std::getline(lines, line) && line != "components:";) {
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    const bool is_method = line.starts_with("    ") && line[4] != ' ' && line.ends_with(':');
    if (is_method) {  // Whatever it is called: one that nobody knows differs from every route.
      std::string method = line.substr(4, line.size() - 5);
      std::ranges::transform(method, method.begin(),
                             [](unsigned char c) { return std::toupper(c); });
      route = method + " " + path;
      routes.insert(route);
    }
    if (line == "      security: []") {
      routes.erase(route);
      routes.insert(route + " open");
    }
  }
  return routes;
}

TEST(OpenAi, lists_models_of_endpoints_that_requests_may_go_to) {
  const json endpoints{
      {"policy", "local"},
      {"endpoints",
       {{{"name", "near"},
         {"on_this_machine", true},
         {"models", {{{"name", "a"}, {"remote", "b"}}}}},
        {{"name", "far"}, {"on_this_machine", false}, {"models", {{{"name", "c"}}}}},
        {{"name", "any"}, {"on_this_machine", true}, {"models", json::array()}}}}};
  const auto ids = [&](json listed, const openai::MayRun& may_run) {
    json list{{"models", {{{"name", "m"}, {"cid", "bafy"}, {"task", "text-embedding"}}}}};
    openai::add_endpoint_models(listed, may_run, list);
    std::string names;
    const json reply = openai::models_reply(list);
    for (const json& row : reply["data"])
      names += row["id"].get<std::string>() + " of " + row["owned_by"].get<std::string>() + "; ";
    EXPECT_EQ(openai::model_reply(list, "a@near").has_value(), names.find("a@near") != names.npos);
    return names;
  };
  const auto all = [](const std::string&) { return true; };
  EXPECT_EQ(ids(endpoints, all), "m of local; a@near of near; ");
  json anywhere = endpoints;
  anywhere["policy"] = "any";
  EXPECT_EQ(ids(anywhere, all), "m of local; a@near of near; c@far of far; ");
  const auto none = [](const std::string&) { return false; };
  EXPECT_EQ(ids(anywhere, none), "m of local; ") << "a key for some models sees no others";
}

TEST(Contract, names_the_routes_that_are_served_and_who_may_call_them) {
  std::set<std::string> served;
  for (const Route& route : protocol_routes()) {
    served.insert(fmt::format("{} {}{}", route.method, route.path, route.open ? " open" : ""));
  }
  EXPECT_EQ(served, contract());
}

TEST(Contract, paths_belong_to_the_protocols_with_any_name_in_them) {
  EXPECT_TRUE(ProtocolServer::serves("/v1/models"));
  EXPECT_TRUE(ProtocolServer::serves("/v2/models/a%20b/infer"));
  EXPECT_TRUE(ProtocolServer::serves("/v2/models/a/b/infer")) << "says that there is no such route";
  EXPECT_TRUE(ProtocolServer::serves("/api/other")) << "the same, to clients of Ollama";
  EXPECT_FALSE(ProtocolServer::serves("/api/v1/run"));
  EXPECT_FALSE(ProtocolServer::serves("/metrics"));
}

TEST(OpenAi, a_chat_becomes_messages_with_the_protocols_defaults) {
  const auto request = openai::chat_request(
      chat_body({{"max_completion_tokens", 7}, {"stop", "x"}, {"seed", 3}, {"stream", true}}));
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->method, "text.generate");
  EXPECT_TRUE(request->stream);
  EXPECT_EQ(request->params.at("temperature"), 1.0);
  EXPECT_EQ(request->params.at("max_tokens"), 7);
  EXPECT_EQ(request->params.at("stop"), json::array({"x"}));
  EXPECT_EQ(request->params.at("record"), false);
}

TEST(OpenAi, whole_numbers_may_be_written_with_a_point_and_the_newer_name_counts) {
  EXPECT_EQ(openai::chat_request(chat_body({{"max_tokens", 4.0}}))->params.at("max_tokens"), 4);
  for (const json& bad : {json(4.5), json(1e300), json("4"), json(true)})
    EXPECT_FALSE(openai::chat_request(chat_body({{"max_tokens", bad}}))) << bad;
  const json both{{"max_tokens", 5}, {"max_completion_tokens", 7}};
  EXPECT_EQ(openai::chat_request(chat_body(both))->params.at("max_tokens"), 7);
  const json wrong{{"max_tokens", 0}, {"max_completion_tokens", 7}};
  EXPECT_FALSE(openai::chat_request(chat_body(wrong)));
  EXPECT_FALSE(openai::chat_request(chat_body({{"stream_options", json::array()}})));
}

TEST(Ollama, a_member_that_is_null_is_as_absent) {
  const json body{{"model", "m"}, {"input", "x"}, {"truncate", nullptr}};
  const json result{{"embeddings", {{1.0}}},
                    {"tokens", 3},
                    {"truncated", 1},
                    {"total_ms", 1.0},
                    {"load_ms", 0.0}};
  EXPECT_TRUE(ollama::embed_reply(body, result));
  EXPECT_FALSE(ollama::embed_reply({{"model", "m"}, {"input", "x"}, {"truncate", false}}, result));
}

TEST(OpenAi, parts_of_text_are_joined_and_others_are_refused) {
  json body = chat_body();
  body["messages"][0]["content"] =
      json::parse(R"([{"type":"text","text":"a"},{"type":"text","text":"b"}])");
  EXPECT_EQ(openai::chat_request(body)->params.at("messages").at(0).at("content"), "ab");
  body["messages"][0]["content"][1]["type"] = "image_url";
  EXPECT_EQ(openai::chat_request(body).error().code, Errc::unsupported);
}

TEST(OpenAi, what_is_not_supported_is_named_and_never_ignored) {
  const json members{{"n", "two"},
                     {"tools", {{{"type", "retrieval"}}}},
                     {"response_format", {{"type", "grammar"}}},
                     {"logprobs", 3},
                     {"top_logprobs", 2},
                     {"presence_penalty", "much"}};
  for (const auto& [name, value] : members.items()) {
    const auto request = openai::chat_request(chat_body({{name, value}}));
    ASSERT_FALSE(request) << name;
    EXPECT_THAT(request.error().message, HasSubstr(name));
  }
  EXPECT_TRUE(openai::chat_request(chat_body({{"n", 1}, {"tools", nullptr}, {"user", "me"}})));
}

TEST(OpenAi, members_that_nobody_knows_are_refused_by_name_in_bodies_and_messages) {
  for (const char* name : {"reasoning_effort", "top_k", "repetition_penalty", "audio"}) {
    const auto request = openai::chat_request(chat_body({{name, "x"}}));
    ASSERT_FALSE(request) << name;
    EXPECT_EQ(request.error().code, Errc::unsupported);
    EXPECT_THAT(request.error().message, HasSubstr(name));
  }
  EXPECT_EQ(openai::chat_request(chat_body({{"tool_choice", "required"}})).error().code,
            Errc::invalid_argument);
  const json harmless{{"stream_options", {{"include_usage", true}}},
                      {"tool_choice", "auto"},
                      {"parallel_tool_calls", false},
                      {"metadata", {{"a", "b"}}},
                      {"store", false},
                      {"reasoning_effort", nullptr}};
  EXPECT_TRUE(openai::chat_request(chat_body(harmless)));
  json body = chat_body();
  body["messages"][0].update({{"refusal", nullptr}, {"tool_calls", json::array()}});
  EXPECT_TRUE(openai::chat_request(body)) << "an answer as the client got it";
  body["messages"][0]["name"] = "Ann";
  EXPECT_THAT(openai::chat_request(body).error().message, HasSubstr("name"));
  EXPECT_FALSE(openai::embedding_request({{"model", "m"}, {"input", "x"}, {"task", "y"}}));
  EXPECT_TRUE(openai::embedding_request({{"model", "m"}, {"input", "x"}, {"user", "y"}}));
}

TEST(OpenAi, a_name_in_a_refusal_is_not_longer_than_a_line) {
  const auto request = openai::chat_request(chat_body({{std::string(1U << 20U, 'x'), 1}}));
  EXPECT_LT(request.error().message.size(), 200U);
}

TEST(OpenAi, a_body_of_wrong_types_is_refused_by_the_name_of_the_member) {
  const json members{{"model", 1}, {"temperature", "hot"}, {"max_tokens", 1.5},
                     {"stop", 3},  {"stream", "yes"},      {"messages", "hi"}};
  for (const auto& [name, value] : members.items()) {
    const auto request = openai::chat_request(chat_body({{name, value}}));
    ASSERT_FALSE(request) << name;
    EXPECT_EQ(request.error().code, Errc::invalid_argument);
    EXPECT_THAT(request.error().message, HasSubstr(name));
  }
  EXPECT_FALSE(openai::completion_request({{"model", "m"}, {"prompt", {"a", "b"}}}));
  EXPECT_FALSE(openai::embedding_request({{"model", "m"}, {"input", {1, 2}}}));
  EXPECT_FALSE(openai::embedding_request({{"model", "m"}, {"input", "x"}, {"cache", "no"}}));
}

TEST(OpenAi, replies_and_events_have_the_shape_that_clients_read) {
  const json reply = openai::text_reply(openai::Kind::chat, kFacts, kResult);
  EXPECT_EQ(reply.at("object"), "chat.completion");
  EXPECT_EQ(reply.at("choices").at(0).at("message").at("content"), "Paris.");
  EXPECT_EQ(reply.at("usage").at("total_tokens"), 7);
  const std::string piece = openai::text_event(openai::Kind::chat, kFacts, "Pa\n");
  ASSERT_TRUE(piece.starts_with("data: {") && piece.ends_with("}\n\n"));
  EXPECT_EQ(json::parse(piece.substr(6)).at("choices").at(0).at("delta").at("content"), "Pa\n");
  const std::string last = openai::last_events(openai::Kind::chat, kFacts, kResult, true);
  EXPECT_THAT(last, HasSubstr("\"finish_reason\":\"stop\""));
  EXPECT_THAT(last, HasSubstr("\"prompt_tokens\":5"));
  EXPECT_TRUE(last.ends_with("data: [DONE]\n\n"));
  EXPECT_THAT(openai::error_event({Errc::internal, "oops", {}}), HasSubstr("server_error"));
}

TEST(OpenAi, vectors_in_base64_are_little_endian_floats) {
  EXPECT_EQ(openai::base64_floats(json::array()), "");
  EXPECT_EQ(openai::base64_floats({1.0}), "AACAPw==");
  EXPECT_EQ(openai::base64_floats({1.0, -2.0}), "AACAPwAAAMA=");
  EXPECT_EQ(openai::base64_floats({1.0, -2.0, 0.5}), "AACAPwAAAMAAAAA/");
}

TEST(OpenAi, a_text_that_was_cut_is_no_embedding_of_it) {
  const json body{{"model", "m"}};
  const json whole{{"embeddings", {{0.5}}}, {"tokens", 3}, {"truncated", 0}};
  EXPECT_EQ(openai::embedding_reply(body, whole)->at("usage").at("total_tokens"), 3);
  json cut = whole;
  cut["truncated"] = 1;
  EXPECT_EQ(openai::embedding_reply(body, cut).error().code, Errc::invalid_argument);
  cut["cut"] = {{{"input", 2}, {"limit", 256}}, {{"input", 4}, {"limit", 256}}};
  EXPECT_EQ(openai::embedding_reply(body, cut).error().message,
            "The input with the index 2 has more tokens than the 256 that the model takes. Of the "
            "inputs, 2 are too long.");
  cut["cut"] = {{{"input", 0}, {"limit", 256}, {"tokens", 300}}};
  EXPECT_EQ(openai::embedding_reply(body, cut).error().message,
            "The input with the index 0 has 300 tokens, more than the 256 that the model takes.");
}

TEST(Ollama, a_prompt_is_a_chat_unless_it_is_raw) {
  const auto chat =
      ollama::generate_request({{"model", "m:latest"}, {"prompt", "hi"}, {"system", "s"}});
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_TRUE(chat->stream);
  EXPECT_EQ(chat->params.at("model"), "m");
  EXPECT_EQ(chat->params.at("messages").size(), 2U);
  const auto raw = ollama::generate_request(
      {{"model", "m"},
       {"prompt", "hi"},
       {"raw", true},
       {"stream", false},
       {"options", {{"num_predict", 4}, {"temperature", 0}, {"stop", {"x"}}}}});
  ASSERT_TRUE(raw) << raw.error().message;
  EXPECT_EQ(raw->params.at("prompt"), "hi");
  EXPECT_EQ(raw->params.at("max_tokens"), 4);
  EXPECT_FALSE(raw->stream);
  const auto endless = ollama::generate_request(
      {{"model", "m"}, {"prompt", "hi"}, {"options", {{"num_predict", -1}}}});
  EXPECT_FALSE(endless->params.contains("max_tokens"));
  EXPECT_FALSE(ollama::generate_request({{"model", "m"}, {"prompt", "a"}, {"options", 1}}));
}

TEST(Ollama, a_context_is_asked_of_the_model) {
  const auto asked = [](const json& tokens) {
    return ollama::chat_request(chat_body({{"options", {{"num_ctx", tokens}}}}));
  };
  EXPECT_EQ(asked(4096)->params.at("context"), 4096);
  for (const json& wrong : {json(0), json(-1), json("8k"), json(1.5)}) EXPECT_FALSE(asked(wrong));
  const auto load = ollama::generate_request({{"model", "m"}, {"options", {{"num_ctx", 64}}}});
  EXPECT_EQ(load->method, "models.load");
  EXPECT_EQ(load->params.at("context"), 64);
}

TEST(Ollama, a_tag_alone_names_no_other_model) {
  EXPECT_EQ(ollama::model_name("m:latest:latest"), "m:latest");
  for (const char* const member : {"name", "model"}) {
    const auto show = ollama::show_request({{member, ":latest"}});
    ASSERT_TRUE(show) << show.error().message;
    EXPECT_EQ(show->params.at("model"), ":latest") << "which is not found, and is told of so";
  }
}

TEST(Ollama, a_request_without_a_text_loads_or_unloads) {
  const auto load = ollama::generate_request({{"model", "m:latest"}, {"keep_alive", -1}});
  ASSERT_TRUE(load) << load.error().message;
  EXPECT_EQ(load->method, "models.load");
  EXPECT_EQ(load->params, json({{"model", "m"}, {"keep_alive", -1}}));
  const auto unload =
      ollama::chat_request({{"model", "m"}, {"messages", json::array()}, {"keep_alive", 0}});
  ASSERT_TRUE(unload) << unload.error().message;
  EXPECT_EQ(unload->method, "models.unload");
  EXPECT_EQ(unload->params, json({{"model", "m"}}));
  EXPECT_FALSE(ollama::chat_request({{"model", "m"}})) << "its messages are missing";
  for (const json& bad : {json{{"frequency_penalty", 3}}, json{{"num_predict", 0}},
                          json{{"stop", ""}}, json{{"seed", -1}}, json{{"top_k", 0.5}}}) {
    const auto refused = ollama::generate_request({{"model", "m"}, {"options", bad}});
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, Errc::invalid_argument);
    EXPECT_NE(refused.error().message.find(bad.items().begin().key()), std::string::npos);
  }
  EXPECT_FALSE(ollama::chat_request({{"model", "m"}, {"messages", json::array()}, {"tools", 1}}));
  const json reply = ollama::load_reply(ollama::Kind::generate, kFacts, false);
  EXPECT_EQ(reply.at("done_reason"), "unload");
  EXPECT_EQ(reply.at("done"), true);
}

TEST(Ollama, keep_alive_goes_to_the_node) {
  const auto chat = ollama::chat_request(chat_body({{"keep_alive", "10m"}}));
  ASSERT_TRUE(chat) << chat.error().message;
  EXPECT_EQ(chat->params.at("keep_alive"), "10m");
  const auto embed = ollama::embed_request({{"model", "m"}, {"input", "x"}, {"keep_alive", 0}});
  EXPECT_EQ(embed->params.at("keep_alive"), 0);
  EXPECT_FALSE(ollama::embed_request({{"model", "m"}, {"input", "x"}, {"keep_alive", true}}));
}

TEST(Ollama, an_embedding_may_be_wanted_computed_anew) {
  const json body{{"model", "m"}, {"input", "x"}};
  json anew = body;
  anew["cache"] = false;
  EXPECT_EQ(ollama::embed_request(body)->params.at("cache"), true);
  EXPECT_EQ(ollama::embed_request(anew)->params.at("cache"), false);
  EXPECT_EQ(openai::embedding_request(anew)->params.at("cache"), false);
}

TEST(Ollama, ps_tells_memory_and_when_it_ends) {
  const json list{{"models",
                   {{{"name", "a"},
                     {"cid", "c"},
                     {"memory_bytes", 7},
                     {"expires_at", "2026-01-01T00:00:00.000Z"}},
                    {{"name", "pinned"}, {"cid", "d"}, {"memory_bytes", 9}}}}};
  const json rows = ollama::ps_reply(list).at("models");
  EXPECT_EQ(rows[0].at("size"), 7);
  EXPECT_EQ(rows[0].at("expires_at"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(rows[1].at("expires_at"), "9999-01-01T00:00:00Z");
}

TEST(Ollama, members_that_nobody_knows_are_refused_by_name) {
  const auto refuses = [](const json& more, const char* name) {
    const auto chat = ollama::chat_request(chat_body(more));
    ASSERT_FALSE(chat) << name;
    EXPECT_EQ(chat.error().code, Errc::unsupported);
    EXPECT_THAT(chat.error().message, HasSubstr(name));
  };
  refuses({{"think", true}}, "think");
  refuses({{"temperature", 1}}, "temperature");
  for (const char* name : {"typical_p", "mirostat", "penalize_newline"})
    refuses({{"options", {{name, 2}}}}, name);
  for (const char* name : {"images", "tool_calls", "thinking"}) {
    json body = chat_body();
    body["messages"][0][name] = json::array({"x"});
    EXPECT_THAT(ollama::chat_request(body).error().message, HasSubstr(name));
  }
  EXPECT_THAT(
      ollama::generate_request({{"model", "m"}, {"prompt", "a"}, {"context", {1}}}).error().message,
      HasSubstr("context"));
  EXPECT_FALSE(ollama::show_request({{"model", "m"}, {"system", "s"}}));
  EXPECT_FALSE(
      ollama::embed_request({{"model", "m"}, {"input", "x"}, {"options", {{"temperature", 1}}}}));
}

TEST(Ollama, pulls_what_a_node_can_name) {
  const std::string cid = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
  for (const std::string& target :
       {cid, "minilm@" + cid, "/ipfs/" + cid, std::string("ollama:smollm:135m"),
        std::string("hf:org/name"), std::string("s3:bucket/a@b"),
        std::string("/ipns/example.org")}) {
    const auto wish = ollama::pull_request({{"model", target}}).value();
    EXPECT_EQ(wish.target, target);
    EXPECT_TRUE(wish.stream);
  }
  const json python{{"model", "llama3.2:latest"}, {"insecure", false}, {"stream", false}};
  const auto name = ollama::pull_request(python).value();
  EXPECT_EQ(name.target, "") << "a name: the node may know it";
  EXPECT_FALSE(name.stream);
  EXPECT_EQ(ollama::pull_request({{"name", "old"}}).value().model, "old");
  EXPECT_FALSE(ollama::pull_request(json::object()));
  EXPECT_FALSE(ollama::pull_request({{"model", 1}}));
  EXPECT_FALSE(ollama::pull_request({{"model", "m"}, {"stream", "yes"}}));
  EXPECT_FALSE(ollama::pull_request({{"model", "m"}, {"insecure", 1}}));
  EXPECT_FALSE(ollama::pull_request({{"model", "m"}, {"password", "secret"}}));
  EXPECT_FALSE(ollama::pull_request({{"model", "m"}, {"quantize", "q4_0"}}));
  EXPECT_THAT(ollama::unknown_model("llama3.2").message, HasSubstr("ollama:llama3.2"));
}

TEST(Ollama, tells_of_a_pull_as_its_clients_expect) {
  EXPECT_EQ(json::parse(ollama::kPullBegins).at("status"), "pulling manifest");
  const json step{{"phase", "pull"}, {"bytes_done", 5}, {"bytes_total", 10}};
  EXPECT_EQ(
      json::parse(ollama::pull_line("bafy", step)),
      json({{"status", "pulling bafy"}, {"digest", "bafy"}, {"total", 10}, {"completed", 5}}));
  const json early{{"phase", "pull"}, {"bytes_done", 5}, {"bytes_total", 0}};
  EXPECT_FALSE(json::parse(ollama::pull_line("bafy", early)).contains("total"));
  const std::string end = ollama::pull_end({{"cid", "bafy"}, {"bytes_total", 10}});
  const std::size_t line = end.find('\n') + 1;
  EXPECT_EQ(json::parse(end.substr(0, line)).at("completed"), 10);
  EXPECT_EQ(json::parse(end.substr(line)), json({{"status", "success"}}));
}

TEST(Ollama, what_would_change_no_answer_is_taken) {
  EXPECT_TRUE(ollama::chat_request(
      chat_body({{"keep_alive", "5m"},
                 {"think", false},
                 {"tools", json::array()},
                 {"options", {{"num_thread", 2}, {"repeat_penalty", 1.0}, {"min_p", 0.0}}}})));
  EXPECT_TRUE(ollama::embed_request({{"model", "m"}, {"input", "x"}, {"keep_alive", 0}}));
  EXPECT_TRUE(ollama::show_request({{"model", "m"}, {"verbose", true}}));
  const json python{{"model", "m"},   {"prompt", "a"}, {"suffix", ""},   {"system", ""},
                    {"template", ""}, {"raw", false},  {"stream", false}};
  EXPECT_TRUE(ollama::generate_request(python)) << "the defaults of Ollama's client for Python";
}

TEST(Ollama, lines_have_the_shape_that_clients_read) {
  const json line = json::parse(ollama::text_line(ollama::Kind::chat, kFacts, "a"));
  EXPECT_EQ(line.at("message").at("content"), "a");
  EXPECT_EQ(line.at("done"), false);
  const json last = ollama::text_reply(ollama::Kind::generate, kFacts, kResult, false);
  EXPECT_EQ(last.at("response"), "");
  EXPECT_EQ(last.at("done_reason"), "stop");
  EXPECT_EQ(last.at("eval_duration"), 2'000'000);
  EXPECT_EQ(error_body(Protocol::ollama, {Errc::not_found, "no", {}}), json({{"error", "no"}}));
}

TEST(OpenAi, several_answers_are_choices) {
  json several = kResult;
  several["choices"] = {{{"text", "a"}, {"finish", "stop"}}, {{"text", "b"}, {"finish", "length"}}};
  const json reply = openai::text_reply(openai::Kind::completion, kFacts, several);
  EXPECT_EQ(reply.at("choices").at(1).at("text"), "b");
  EXPECT_EQ(reply.at("choices").at(1).at("index"), 1);
  const auto roles = [](const json& params) {
    const std::string events = openai::first_events(openai::Kind::chat, kFacts, params);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = events.find("\"role\":\"assistant\"", at)) != events.npos; ++at)
      ++count;
    return std::pair(count, events.find("\"index\":1,") != events.npos);
  };
  EXPECT_EQ(roles(json::object()), std::pair(std::size_t{1}, false));
  EXPECT_EQ(roles({{"n", 2}}), std::pair(std::size_t{2}, true));
  EXPECT_EQ(roles({{"n", 1'000'000'000}}).first, 16U);
  EXPECT_EQ(roles({{"n", 0}}).first, 0U);
  const std::string lines = R"({"content":"x","choice":1})"
                            "\n";
  EXPECT_THAT(openai::part_events(openai::Kind::chat, kFacts, lines), HasSubstr("\"index\":1"));
  const std::string last = openai::last_events(openai::Kind::chat, kFacts, several, false);
  EXPECT_THAT(last, HasSubstr("\"finish_reason\":\"length\""));
  EXPECT_EQ(openai::chat_request(chat_body({{"n", 3}, {"stream", true}}))->params.at("parts"),
            true);
}

TEST(OpenAi, a_completion_that_is_echoed_begins_with_its_prompt_in_every_answer) {
  const json body{{"model", "m"}, {"prompt", {"Once "}}, {"echo", true}};
  ASSERT_TRUE(openai::completion_request(body));
  EXPECT_FALSE(openai::completion_request(body)->params.contains("echo"));
  const std::string echo = openai::echo_of(body);
  EXPECT_EQ(echo, "Once ");
  EXPECT_EQ(openai::echo_of({{"prompt", "Once"}, {"echo", false}}), "");
  EXPECT_EQ(openai::echo_of({{"prompt", "Once"}}), "");
  json several = kResult;
  several["choices"] = {{{"text", "a"}, {"finish", "stop"}}, {{"text", "b"}, {"finish", "length"}}};
  const json reply = openai::text_reply(openai::Kind::completion, kFacts, several, echo);
  EXPECT_EQ(reply.at("choices").at(0).at("text"), "Once a");
  EXPECT_EQ(reply.at("choices").at(1).at("text"), "Once b");
  const auto kind = openai::Kind::completion;
  EXPECT_EQ(openai::first_events(kind, kFacts, {{"n", 2}}), "");
  const std::string events = openai::first_events(kind, kFacts, {{"n", 2}}, echo);
  EXPECT_THAT(events, HasSubstr("\"text\":\"Once \""));
  EXPECT_THAT(events, HasSubstr("\"index\":1"));
  json likely = body;
  likely["logprobs"] = 0;
  const auto refused = openai::completion_request(likely);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("echo"));
  EXPECT_FALSE(openai::completion_request({{"model", "m"}, {"prompt", "a"}, {"echo", 1}}));
  EXPECT_FALSE(openai::chat_request(chat_body({{"echo", true}}))) << "of completions alone";
}

TEST(Ollama, shows_tools_where_the_chat_template_knows_them) {
  json model{{"task", "text-generation"}, {"family", "llama"}, {"cid", "bafy"}};
  model["variants"] = json::array();
  EXPECT_EQ(ollama::show_reply(model).at("capabilities"), json({"completion"}));
  model["template_knows_tools"] = false;
  EXPECT_EQ(ollama::show_reply(model).at("capabilities"), json({"completion"}));
  model["template_knows_tools"] = true;
  EXPECT_EQ(ollama::show_reply(model).at("capabilities"), json({"completion", "tools"}));
}

TEST(OpenAi, logprobs_have_each_apis_shape) {
  const json entry{{"token", "a"},
                   {"bytes", {97}},
                   {"logprob", -0.5},
                   {"offset", 0},
                   {"top", {{{"token", "a"}, {"bytes", {97}}, {"logprob", -0.5}}}}};
  json result = kResult;
  result["logprobs"] = {entry};
  const json chat = openai::text_reply(openai::Kind::chat, kFacts, result);
  EXPECT_EQ(chat.at("choices").at(0).at("logprobs").at("content").at(0).at("top_logprobs").size(),
            1U);
  const json old = openai::text_reply(openai::Kind::completion, kFacts, result);
  EXPECT_EQ(old.at("choices").at(0).at("logprobs"),
            json::parse(R"({"tokens":["a"],"token_logprobs":[-0.5],"text_offset":[0],)"
                        R"("top_logprobs":[{"a":-0.5}]})"));
  const json line = ollama::text_reply(ollama::Kind::chat, kFacts, result, true);
  EXPECT_EQ(line.at("logprobs").at(0).at("top_logprobs").at(0).at("token"), "a");
  const auto asked =
      openai::chat_request(chat_body({{"logprobs", true}, {"top_logprobs", 4}, {"stream", true}}));
  EXPECT_EQ(asked->params.at("logprobs"), 4);
  EXPECT_EQ(asked->params.at("parts"), true);
}

TEST(OpenAi, an_answer_may_be_asked_for_as_json) {
  const json schema{{"type", "object"}, {"properties", {{"a", {{"type", "integer"}}}}}};
  const json named{{"type", "json_schema"}, {"json_schema", {{"name", "n"}, {"schema", schema}}}};
  const auto asked = openai::chat_request(chat_body({{"response_format", named}}));
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(asked->params.at("json_schema"), schema.dump());
  const auto any =
      openai::chat_request(chat_body({{"response_format", {{"type", "json_object"}}}}));
  EXPECT_EQ(any->params.at("json_schema"), json({{"type", "object"}}));
  EXPECT_FALSE(openai::chat_request(chat_body({{"response_format", {{"type", "json_schema"}}}})));
  EXPECT_FALSE(openai::chat_request(chat_body({{"response_format", "json"}})));
}

TEST(Ollama, an_answer_may_be_asked_for_as_json) {
  const auto ask = [](const json& format) {
    return ollama::chat_request(chat_body({{"format", format}}));
  };
  EXPECT_EQ(ask("json")->params.at("json_schema"), json({{"type", "object"}}));
  EXPECT_EQ(ask({{"type", "array"}})->params.at("json_schema"), R"({"type":"array"})");
  EXPECT_FALSE(ask("")->params.contains("json_schema"));
  EXPECT_FALSE(ask("xml"));
  EXPECT_FALSE(ask(3));
}

TEST(TextQueue, joins_pieces_and_gives_the_end_last) {
  TextQueue queue;
  EXPECT_TRUE(queue.next().more);
  queue.put("a", {});
  queue.put("b", {});
  EXPECT_EQ(queue.next().text, "ab");
  queue.put("c", {});
  queue.finish(json(1));
  const auto last = queue.next();
  EXPECT_EQ(last.text, "c");
  ASSERT_TRUE(last.end);
  EXPECT_EQ(**last.end, 1);
}

TEST(TextQueue, a_full_one_makes_its_writer_wait_until_the_reader_is_gone_or_it_is_stopped) {
  TextQueue queue;
  const std::string much(TextQueue::kMaxWaitingBytes, 'x');
  queue.put(much, {});
  std::stop_source stop;
  std::jthread stopped([&] { queue.put("lost", stop.get_token()); });
  stop.request_stop();
  stopped.join();
  std::jthread waiting([&] { queue.put("dropped", {}); });
  queue.abandon();
  waiting.join();
  queue.finish(json(1));
  EXPECT_TRUE(queue.next().text.empty());
}

TEST(Protocols, keep_the_order_of_a_schemas_members) {
  const std::string schema = R"({"properties":{"reasoning":{},"answer":{}}})";
  const std::string chat = R"({"model":"m","messages":[{"role":"user","content":"c"}],)";
  const std::string openai_text =
      chat + R"("response_format":{"type":"json_schema","json_schema":{"schema":)" + schema + "}}}";
  const auto openai_asked = openai::chat_request(json::parse(openai_text), openai_text);
  ASSERT_TRUE(openai_asked) << openai_asked.error().to_string();
  EXPECT_EQ(openai_asked->params.at("json_schema"), schema);
  const std::string ollama_text = chat + R"("format":)" + schema + "}";
  const auto ollama_asked = ollama::chat_request(json::parse(ollama_text), ollama_text);
  ASSERT_TRUE(ollama_asked) << ollama_asked.error().to_string();
  EXPECT_EQ(ollama_asked->params.at("json_schema"), schema);
}

TEST(Protocols, refuse_a_role_that_there_is_not) {
  const json body{{"model", "m"},
                  {"messages", json::array({{{"role", "alien"}, {"content", "c"}}})}};
  for (const auto& asked : {openai::chat_request(body), ollama::chat_request(body)}) {
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().code, Errc::invalid_argument);
    EXPECT_NE(asked.error().message.find("system, developer, user"), std::string::npos);
  }
}

}  // namespace
}  // namespace accel::server
