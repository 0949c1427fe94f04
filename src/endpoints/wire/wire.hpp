// SPDX-License-Identifier: Apache-2.0
#pragma once
// The translators: a request of ours as an HTTP request of a protocol, and its reply as an answer
// of ours. Pure functions and state over bytes. One file for each protocol; the table is in
// wire.cpp.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "accel/endpoints/endpoint.hpp"
#include "accel/endpoints/exchange.hpp"
#include "accel/net/headers.hpp"
#include "wire/answer_state.hpp"
#include "wire/framing.hpp"

namespace accel::endpoints {

struct WireRequest {
  std::string method = "POST";
  std::string path;  // Appended to the endpoint's base, percent-encoded.
  std::string query;
  net::Headers headers;  // Without the key.
  std::string body;
  bool streams = false;
  std::vector<std::string> not_sent;  // Answer::not_sent
};

// What one protocol needs. `request.model` is the server's name by now.
struct WireRules {
  // Errors: unsupported (names what the protocol has no word for), invalid_argument.
  Result<WireRequest> (*write)(const Request& request);
  Framing framing;  // Of a streamed text.
  // One event of a stream. Errors: protocol, and what the server says went wrong.
  Status (*read_event)(std::string_view data, AnswerState& state);
  // A reply that is no stream.
  Status (*read_whole)(const nlohmann::json& body, Operation operation, AnswerState& state);
  std::string_view key_header;    // "Authorization" takes "Bearer KEY", others the key alone.
  std::string_view default_path;  // Of a base URL that names none.
};

const WireRules& rules_of(Wire wire);
// Whether the protocol knows the operation at all.
bool speaks(Wire wire, Operation operation);

// The dialects of the protocols.
Result<WireRequest> write_openai(const Request& request);
Status read_openai_event(std::string_view data, AnswerState& state);
Status read_openai(const nlohmann::json& body, Operation operation, AnswerState& state);
Result<WireRequest> write_ollama(const Request& request);
Status read_ollama_event(std::string_view data, AnswerState& state);
Status read_ollama(const nlohmann::json& body, Operation operation, AnswerState& state);
Result<WireRequest> write_anthropic(const Request& request);
Status read_anthropic_event(std::string_view data, AnswerState& state);
Status read_anthropic(const nlohmann::json& body, Operation operation, AnswerState& state);
Result<WireRequest> write_gemini(const Request& request);
Status read_gemini_event(std::string_view data, AnswerState& state);
Status read_gemini(const nlohmann::json& body, Operation operation, AnswerState& state);
Result<WireRequest> write_tei(const Request& request);
Status read_tei(const nlohmann::json& body, Operation operation, AnswerState& state);
Result<WireRequest> write_oip(const Request& request);
Status read_oip(const nlohmann::json& body, Operation operation, AnswerState& state);

// What several of them share.
tl::unexpected<Error> no_word_for(std::string_view protocol, std::string_view what);
// A schema, or arguments, that came as text. Errors: invalid_argument.
Result<nlohmann::json> parse_object(const std::string& text, std::string_view what);
// Errors: protocol; the server's own words where the event is an error.
Result<nlohmann::json> parse_event(std::string_view data);

}  // namespace accel::endpoints
