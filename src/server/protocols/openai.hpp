// SPDX-License-Identifier: Apache-2.0
#pragma once
// OpenAI's API (api/openapi.yaml, tag OpenAI): chat and text completions, embeddings, models. Pure.

#include <functional>

#include "protocols/protocol.hpp"

namespace accel::server::openai {

// Errors: invalid_argument, unsupported (names the member).
Result<MethodRequest> chat_request(const nlohmann::json& body, std::string_view text = {});
Result<MethodRequest> completion_request(const nlohmann::json& body);
Result<MethodRequest> embedding_request(const nlohmann::json& body);

// What of a completion's body its text begins with: the prompt with "echo", else nothing.
std::string echo_of(const nlohmann::json& body);

enum class Kind { chat, completion };
nlohmann::json text_reply(Kind kind, const ReplyFacts& facts, const nlohmann::json& result,
                          std::string_view echo = {});
// The events of a stream, each "data: …\n\n".
// One for each of the answers that `params`, those of text.generate, ask for, where there is
// something to say before them.
std::string first_events(Kind kind, const ReplyFacts& facts, const nlohmann::json& params,
                         std::string_view echo = {});
std::string text_event(Kind kind, const ReplyFacts& facts, std::string_view text);
// The same of an answer's parts, as text.generate sends them: words and calls of tools.
std::string part_events(Kind kind, const ReplyFacts& facts, std::string_view lines);
std::string last_events(Kind kind, const ReplyFacts& facts, const nlohmann::json& result,
                        bool with_usage);
std::string error_event(const Error& error);

// Errors: invalid_argument (a text was longer than the model takes).
Result<nlohmann::json> embedding_reply(const nlohmann::json& body, const nlohmann::json& result);
// `list` as of models.list; it gets a row MODEL@ENDPOINT for each model that an endpoint of
// endpoints.list names and that requests may go to.
using MayRun = std::function<bool(const std::string& model)>;
void add_endpoint_models(const nlohmann::json& endpoints, const MayRun& may_run,
                         nlohmann::json& list);
nlohmann::json models_reply(const nlohmann::json& list);
// Errors: not_found.
Result<nlohmann::json> model_reply(const nlohmann::json& list, std::string_view name);

// Standard alphabet, padded (RFC 4648), of little-endian float32.
std::string base64_floats(const nlohmann::json& values);

}  // namespace accel::server::openai
