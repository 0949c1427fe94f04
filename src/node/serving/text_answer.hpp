// SPDX-License-Identifier: Apache-2.0
#pragma once
// An answer of text.generate on its way out: words as they come, or, when its parts are asked for,
// JSON objects, one a line: {"content"} or {"call": {"index", "id", "name", "arguments"}}, where a
// call's id and name come once and its arguments piece by piece. With logprobs a part has those of
// the tokens up to it: {"token", "bytes", "logprob", "offset", "top": [{"token", "bytes",
// "logprob"}]}; "offset" counts the characters that the tokens before have. Of several answers the
// parts have a "choice", and words alone come of the first one only.

#include <nlohmann/json.hpp>

#include "accel/inference/llama.hpp"
#include "accel/models/answer_reader.hpp"
#include "accel/node/node.hpp"

namespace accel::node {

class TextAnswer {
 public:
  // `model` and `sink` outlive this.
  TextAnswer(const inference::LlamaModel& model, const inference::GenerationRequest& request,
             bool parts, const EventSink& sink);
  void set_choice(std::size_t choice) { choice_ = choice; }  // 0 unless it is said.

  // A piece of text as it was generated.
  void add(const inference::TextPiece& piece);
  // The end; writes text, tool_calls and finish into the method's result.
  void finish(const inference::GenerationReport& report, nlohmann::json& result);

 private:
  void tell(const std::vector<models::AnswerDelta>& deltas);
  void send(std::string_view bytes) const;
  nlohmann::json entry_of(const inference::TokenLogprob& token);
  nlohmann::json likelihood_of(const inference::TokenLikelihood& likelihood) const;

  const inference::LlamaModel& model_;
  models::AnswerReader reader_;
  bool parts_;
  std::size_t choice_ = 0;
  const EventSink& sink_;
  nlohmann::json logprobs_ = nlohmann::json::array();  // Of all tokens so far.
  std::size_t told_logprobs_ = 0;                      // The first that no part had.
  std::size_t offset_ = 0;
};

}  // namespace accel::node
