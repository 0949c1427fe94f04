// SPDX-License-Identifier: Apache-2.0
#include "wire/answer_state.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace accel::endpoints {
namespace {

constexpr std::array<std::string_view, 4> kCut{"length", "max_tokens", "MAX_TOKENS",
                                               "model_context_window_exceeded"};
constexpr std::array<std::string_view, 3> kCalls{"tool_calls", "tool_use", "function_call"};

}  // namespace

Status AnswerState::count(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= kMaxAnswerBytes) return {};
  return fail(Errc::resource_exhausted, "The answer has more than {} bytes.", kMaxAnswerBytes);
}

Status AnswerState::add_text(std::string_view text) {
  if (text.empty()) return {};
  ACCEL_CHECK(count(text.size()));
  answer.text += text;
  pieces_.push_back({std::string(text), std::nullopt, {}});
  return {};
}

Status AnswerState::add_call(std::size_t index, ToolCall part) {
  ACCEL_CHECK(count(part.id.size() + part.name.size() + part.arguments.size()));
  const auto known = std::ranges::find(numbers_, index);
  const auto at = static_cast<std::size_t>(known - numbers_.begin());
  if (known == numbers_.end()) {
    if (numbers_.size() == kMaxCalls)
      return fail(Errc::resource_exhausted, "The answer has more than {} calls.", kMaxCalls);
    if (part.name.empty()) return fail(Errc::protocol, "The answer has a call without a name.");
    if (part.id.empty()) part.id = fmt::format("call_{}", at);
    numbers_.push_back(index);
    answer.calls.push_back(part);
  } else {
    // Servers that say the name again with every part mean the same call.
    part.id.clear();
    part.name.clear();
    answer.calls[at].arguments += part.arguments;
  }
  pieces_.push_back({{}, at, std::move(part)});
  return {};
}

Status AnswerState::add_vector(std::vector<float> vector) {
  if (answer.vectors.size() == kMaxVectors)
    return fail(Errc::resource_exhausted, "The answer has more than {} embeddings.", kMaxVectors);
  answer.vectors.push_back(std::move(vector));
  return {};
}

void AnswerState::set_finish(std::string_view word) {
  if (word.empty()) return;
  const bool cut = std::ranges::find(kCut, word) != kCut.end();
  const bool calls = std::ranges::find(kCalls, word) != kCalls.end();
  answer.finish = cut ? "length" : calls ? "tool_calls" : "stop";
}

}  // namespace accel::endpoints
