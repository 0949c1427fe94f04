// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ollama's API (api/openapi.yaml, tag Ollama): tags, show, pull, ps, generate, chat, embed. Pure.
// Where Ollama has a digest, a model's CID stands.

#include "protocols/protocol.hpp"

namespace accel::server::ollama {

// "name:latest" is "name": what clients write when they say no tag. The tag alone stays as it is.
std::string model_name(std::string_view name);

// Errors: invalid_argument, unsupported (names the member).
Result<MethodRequest> generate_request(const nlohmann::json& body, std::string_view text = {});
Result<MethodRequest> chat_request(const nlohmann::json& body, std::string_view text = {});
Result<MethodRequest> embed_request(const nlohmann::json& body);
Result<MethodRequest> show_request(const nlohmann::json& body);

// What is to be pulled, and whether its progress is told.
struct PullRequest {
  std::string model;   // As the client named it.
  std::string target;  // As content.pull takes it; empty: a name, which the node may know.
  bool stream = true;
};
Result<PullRequest> pull_request(const nlohmann::json& body);
// Of a name that this node does not know.
Error unknown_model(const std::string& name);
inline constexpr const char* kPullBegins = "{\"status\":\"pulling manifest\"}\n";
// The line of a step of content.pull; `digest` says of what.
std::string pull_line(const std::string& digest, const nlohmann::json& progress);
std::string pull_end(const nlohmann::json& result);

enum class Kind { generate, chat };
// The whole answer; with `whole` false the last line of a stream, without its text.
nlohmann::json text_reply(Kind kind, const ReplyFacts& facts, const nlohmann::json& result,
                          bool whole);
// The answer to a request that asked for no text: what generate_request() and chat_request() then
// make is models.load or models.unload.
nlohmann::json load_reply(Kind kind, const ReplyFacts& facts, bool loaded);
std::string text_line(Kind kind, const ReplyFacts& facts, std::string_view text);
// The same of an answer's parts, as text.generate sends them.
std::string part_lines(Kind kind, const ReplyFacts& facts, std::string_view parts);
// The end of a stream: the calls of tools, if any, then the line that says done.
std::string last_lines(Kind kind, const ReplyFacts& facts, const nlohmann::json& result);
std::string line_of(const nlohmann::json& value);

// Errors: invalid_argument (truncate is false and a text was cut).
Result<nlohmann::json> embed_reply(const nlohmann::json& body, const nlohmann::json& result);
nlohmann::json tags_reply(const nlohmann::json& list);
nlohmann::json ps_reply(const nlohmann::json& list);
nlohmann::json show_reply(const nlohmann::json& model);

}  // namespace accel::server::ollama
