// SPDX-License-Identifier: Apache-2.0
#include "accel/models/answer_reader.hpp"

#include <utility>

namespace accel::models {
namespace {

// A format reads the whole text each time: read when it grew by a 64th, all of it costs about 65
// times its length and not the square. The price: a piece may be told a 64th of the answer late
// (of 64 KiB: 1 KiB), and all of it is a limit only as far as max_tokens is one.
constexpr std::size_t kPatience = 64;

}  // namespace

std::vector<AnswerDelta> AnswerReader::push(std::string_view text) {
  if (!format_) {
    told_.content += text;
    if (text.empty()) return {};
    return {AnswerDelta{std::string(text)}};
  }
  text_ += text;
  if (text_.size() - read_ <= text_.size() / kPatience) return {};
  read_ = text_.size();
  return tell(format_->read(text_, true));
}

std::vector<AnswerDelta> AnswerReader::finish(bool cut) {
  if (!format_) return {};
  return tell(format_->read(text_, cut));
}

std::vector<AnswerDelta> AnswerReader::tell(inference::Answer now) {
  std::vector<AnswerDelta> deltas;
  // What was told stays told, whatever a format thinks of it later.
  if (now.content.size() > told_.content.size() && now.content.starts_with(told_.content)) {
    deltas.push_back({now.content.substr(told_.content.size())});
    told_.content = std::move(now.content);
  }
  for (std::size_t i = 0; i < now.calls.size(); ++i) {
    if (auto delta = tell_call(i, std::move(now.calls[i]))) deltas.push_back(std::move(*delta));
  }
  return deltas;
}

std::optional<AnswerDelta> AnswerReader::tell_call(std::size_t index, inference::ToolCall now) {
  if (index >= told_.calls.size()) {
    if (now.name.empty()) return std::nullopt;
    if (now.id.empty()) now.id = new_id_();
    told_.calls.push_back(now);
    return AnswerDelta{{}, index, std::move(now)};
  }
  inference::ToolCall& told = told_.calls[index];
  const bool more =
      now.arguments.size() > told.arguments.size() && now.arguments.starts_with(told.arguments);
  if (!more) return std::nullopt;
  AnswerDelta delta{{}, index, {{}, {}, now.arguments.substr(told.arguments.size())}};
  told.arguments = std::move(now.arguments);
  return delta;
}

}  // namespace accel::models
