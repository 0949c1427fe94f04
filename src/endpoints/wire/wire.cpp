// SPDX-License-Identifier: Apache-2.0
#include "wire/wire.hpp"

#include "accel/core/json.hpp"
#include "wire/reading.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

Status no_events(std::string_view, AnswerState&) {
  return fail(Errc::protocol, "The server streams what is no stream in its protocol.");
}

constexpr WireRules kOpenai{write_openai, Framing::events, read_openai_event,
                            read_openai,  "Authorization", "/v1"};
constexpr WireRules kOip{write_oip, Framing::lines, no_events, read_oip, "Authorization", ""};
constexpr WireRules kOllama{write_ollama, Framing::lines,  read_ollama_event,
                            read_ollama,  "Authorization", ""};
constexpr WireRules kAnthropic{write_anthropic, Framing::events, read_anthropic_event,
                               read_anthropic,  "x-api-key",     "/v1"};
constexpr WireRules kGemini{write_gemini, Framing::events,  read_gemini_event,
                            read_gemini,  "x-goog-api-key", "/v1beta"};
constexpr WireRules kTei{write_tei, Framing::lines, no_events, read_tei, "Authorization", ""};

}  // namespace

const WireRules& rules_of(Wire wire) {
  switch (wire) {
    case Wire::openai:
      return kOpenai;
    case Wire::oip:
      return kOip;
    case Wire::ollama:
      return kOllama;
    case Wire::anthropic:
      return kAnthropic;
    case Wire::gemini:
      return kGemini;
    case Wire::tei:
      return kTei;
  }
  return kOpenai;
}

bool speaks(Wire wire, Operation operation) {
  if (operation == Operation::listing) return true;
  if (operation == Operation::tensors) return wire == Wire::oip;
  if (wire == Wire::oip) return false;
  return wire != (operation == Operation::text ? Wire::tei : Wire::anthropic);
}

tl::unexpected<Error> no_word_for(std::string_view protocol, std::string_view what) {
  return fail(Errc::unsupported, "{} can't be asked for {}.", protocol, what);
}

Result<json> parse_object(const std::string& text, std::string_view what) {
  if (text.empty()) return json::object();
  ACCEL_TRY(json value, parse_bounded_json(text, what));
  if (value.is_object()) return value;
  return fail(Errc::invalid_argument, "{} must be a JSON object.", what);
}

Result<json> parse_event(std::string_view data) {
  const auto event = parse_bounded_json(data, "An event of the answer");
  if (!event) return fail(Error{Errc::protocol, event.error().message, {}});
  if (!event->is_object()) return fail(Errc::protocol, "An event of the answer is no object.");
  if (member_of(*event, "error").is_null()) return *event;
  return fail(Errc::unavailable, "The server gave up in the middle: {}",
              one_line(error_words(*event)));
}

}  // namespace accel::endpoints
