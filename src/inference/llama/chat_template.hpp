// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model's chat template, rendered by libllama-common's own Jinja interpreter in a process of its
// own (ChatRenderer). The C API's llama_chat_apply_template() knows a list of templates by their
// looks and leaves out what else they do (SmolLM2's adds a system message), so it is not used.
// libllama-common is C++: its functions are bound by their mangled names, its types come from the
// headers of the same release, which Library::load() checks. Threads: any.

#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "llama/library.hpp"

struct common_chat_params;

namespace accel::inference::llama {

class ChatTemplate {
 public:
  // `source` replaces the model's own template; empty: its own. Errors: unsupported (the template
  // does not parse, or goes beyond the bounds), unavailable (the library lacks a function, no
  // process can be started).
  static Result<ChatTemplate> open(const Library& library, const llama_model* model,
                                   const std::string& source, const RenderBounds& bounds);
  Result<std::string> apply(std::span<const ChatMessage> messages,
                            const std::stop_token& stop) const;
  // As LlamaModel::chat_plan().
  Result<ChatPlan> plan(const ChatRequest& request, const std::stop_token& stop) const;
  // As LlamaModel::json_grammar().
  Result<std::string> grammar_of(const std::string& schema, const std::stop_token& stop) const;

 private:
  struct Parts;
  class OwnFormat;
  Result<ChatPlan> own_plan(const ChatRequest& request, const std::stop_token& stop) const;
  Result<ChatPlan> tagged_plan(const ChatRequest& request, const std::stop_token& stop) const;
  Result<ChatPlan> tagged_or_json_plan(const ChatRequest& request,
                                       const std::stop_token& stop) const;
  Result<std::string> rules_of(const std::string& schema, const std::stop_token& stop) const;
  Result<ChatPlan> plan_of(common_chat_params made, std::string begun) const;
  explicit ChatTemplate(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;  // Owners: copies of this; immutable.
};

}  // namespace accel::inference::llama
