// SPDX-License-Identifier: Apache-2.0
#include "serving/text_answer.hpp"

#include <algorithm>
#include <utility>

#include "accel/core/random.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kIdBytes = 12;

std::string line_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

json call_of(const inference::ToolCall& call) {
  return {{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}};
}

json part_of(const models::AnswerDelta& delta) {
  if (!delta.call) return {{"content", delta.content}};
  json call{{"index", *delta.call}, {"arguments", delta.part.arguments}};
  if (!delta.part.name.empty()) {
    call["id"] = delta.part.id;
    call["name"] = delta.part.name;
  }
  return {{"call", std::move(call)}};
}

}  // namespace

TextAnswer::TextAnswer(const inference::LlamaModel& model,
                       const inference::GenerationRequest& request, bool parts,
                       const EventSink& sink)
    : model_(model),
      reader_(request.format, [] { return "call_" + random_hex(system_random(), kIdBytes); }),
      parts_(parts),
      sink_(sink) {}

void TextAnswer::add(const inference::TextPiece& piece) {
  for (const inference::TokenLogprob& token : piece.logprobs) logprobs_.push_back(entry_of(token));
  if (sink_) tell(reader_.push(piece.text));
}

json TextAnswer::likelihood_of(const inference::TokenLikelihood& likelihood) const {
  const std::string bytes = model_.bytes_of(likelihood.token);
  json numbers = json::array();
  for (const char byte : bytes) numbers.push_back(static_cast<unsigned char>(byte));
  // A part of a character is no text; a token that controls the model has a name alone.
  std::string text = model_.text_of({&likelihood.token, 1});
  if (text.empty()) text = bytes;
  return {
      {"token", std::move(text)}, {"bytes", std::move(numbers)}, {"logprob", likelihood.logprob}};
}

json TextAnswer::entry_of(const inference::TokenLogprob& token) {
  json entry = likelihood_of(token.chosen);
  entry["offset"] = offset_;
  // A character begins where a byte is not one that goes on.
  for (const json& byte : entry["bytes"])
    offset_ += (byte.get<unsigned>() & 0xC0U) != 0x80U ? 1 : 0;
  entry["top"] = json::array();
  for (const inference::TokenLikelihood& one : token.top)
    entry["top"].push_back(likelihood_of(one));
  return entry;
}

void TextAnswer::tell(const std::vector<models::AnswerDelta>& deltas) {
  for (const models::AnswerDelta& delta : deltas) {
    if (parts_) {
      json part = part_of(delta);
      if (choice_ > 0) part["choice"] = choice_;
      for (; told_logprobs_ < logprobs_.size(); ++told_logprobs_)
        part["logprobs"].push_back(logprobs_[told_logprobs_]);
      send(line_of(part));
    } else if (!delta.call && choice_ == 0) {
      send(delta.content);
    }
  }
}

void TextAnswer::send(std::string_view bytes) const {
  if (sink_) sink_(Event{nullptr, as_bytes(bytes)});
}

void TextAnswer::finish(const inference::GenerationReport& report, json& result) {
  if (!sink_) (void)reader_.push(report.text);
  const bool cut = report.finish == inference::FinishReason::length;
  tell(reader_.finish(cut));
  if (parts_ && told_logprobs_ < logprobs_.size()) tell({{}});  // Of tokens that have no text.
  if (!logprobs_.empty()) result["logprobs"] = std::move(logprobs_);
  const inference::Answer& answer = reader_.answer();
  result["text"] = answer.content;
  result["finish"] = cut ? "length" : answer.calls.empty() ? "stop" : "tool_calls";
  if (answer.calls.empty()) return;
  for (const inference::ToolCall& call : answer.calls)
    result["tool_calls"].push_back(call_of(call));
}

}  // namespace accel::node
