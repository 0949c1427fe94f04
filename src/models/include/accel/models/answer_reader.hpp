// SPDX-License-Identifier: Apache-2.0
#pragma once
// An answer of words and calls of tools, read while it is written: what each piece of text adds.
// Used by node (text.generate). Pure; one per answer.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "accel/inference/chat.hpp"

namespace accel::models {

// Words, or a part of a call: the first one of a call has its id and name.
struct AnswerDelta {
  std::string content = {};
  std::optional<std::size_t> call = {};  // Its place among the answer's calls.
  inference::ToolCall part = {};
};

class AnswerReader {
 public:
  // `new_id` names a call that the model did not. Without a format all is words.
  AnswerReader(std::shared_ptr<const inference::AnswerFormat> format,
               std::function<std::string()> new_id)
      : format_(std::move(format)), new_id_(std::move(new_id)) {}

  // What `text` adds that is sure by now. Long answers are read again at longer intervals.
  std::vector<AnswerDelta> push(std::string_view text);
  // The rest. `cut`: the answer did not end by itself, so its last call may be incomplete.
  std::vector<AnswerDelta> finish(bool cut);
  // As far as it was told by push() and finish().
  const inference::Answer& answer() const { return told_; }

 private:
  std::vector<AnswerDelta> tell(inference::Answer now);
  std::optional<AnswerDelta> tell_call(std::size_t index, inference::ToolCall now);

  std::shared_ptr<const inference::AnswerFormat> format_;  // Owners: this and the request.
  std::function<std::string()> new_id_;
  std::string text_;
  std::size_t read_ = 0;  // How long the text was when it was read.
  inference::Answer told_;
};

}  // namespace accel::models
