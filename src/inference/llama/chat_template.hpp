// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model's chat template, rendered by libllama-common's own Jinja interpreter. The C API's
// llama_chat_apply_template() knows a list of templates by their looks and leaves out what else
// they do (SmolLM2's adds a system message), so it is not used. libllama-common is C++: its
// functions are bound by their mangled names, its types come from the headers of the same release,
// which Library::load() checks. Threads: apply() may be called from many threads.

#include <memory>
#include <span>
#include <string>

#include "llama/library.hpp"

namespace accel::inference::llama {

class ChatTemplate {
 public:
  // Errors: unsupported (the template does not parse), unavailable (the library lacks a function).
  static Result<ChatTemplate> open(const Library& library, const llama_model* model);
  Result<std::string> apply(std::span<const ChatMessage> messages) const;
  // As LlamaModel::json_grammar().
  Result<std::string> grammar_of(const std::string& schema) const;

 private:
  struct Parts;
  explicit ChatTemplate(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;  // Owners: copies of this; immutable.
};

}  // namespace accel::inference::llama
