// SPDX-License-Identifier: Apache-2.0
#include "llama/chat_template.hpp"

#include <common/chat.h>

#include <algorithm>

#include "llama/schema_check.hpp"

namespace accel::inference::llama {
namespace {

constexpr const char* kInit =
    "_Z26common_chat_templates_initPK11llama_modelRKNSt7__cxx1112basic_stringIcSt11char_"
    "traitsIcESaIcEEES9_S9_";
constexpr const char* kApply =
    "_Z27common_chat_templates_applyPK21common_chat_templatesRK28common_chat_templates_inputs";
constexpr const char* kFree = "_Z26common_chat_templates_freeP21common_chat_templates";
constexpr const char* kVerbosity = "_Z30common_log_set_verbosity_tholdi";
// llama.cpp's root begins with the end of the prompt and allows a fence around the JSON: here the
// answer is the JSON alone, which it calls "response-format". Empty when there is no such rule.
std::string answer_grammar(std::string_view grammar) {
  constexpr std::string_view kAnswer = "response-format ::= ";
  std::string rules;
  bool found = false;
  while (!grammar.empty()) {
    const std::size_t end = std::min(grammar.find('\n'), grammar.size());
    const std::string_view rule = grammar.substr(0, end);
    found = found || rule.starts_with(kAnswer);
    if (!rule.starts_with("root ::= ")) rules.append(rule).append("\n");
    grammar.remove_prefix(std::min(end + 1, grammar.size()));
  }
  return found ? rules + "root ::= response-format\n" : std::string();
}

constexpr int kSilent = -1;  // It prints to stderr by itself; its exceptions say enough.

}  // namespace

struct ChatTemplate::Parts {
  decltype(&common_chat_templates_apply) apply = nullptr;
  decltype(&common_chat_templates_free) free = nullptr;
  common_chat_templates* templates = nullptr;

  Parts() = default;
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() {
    if (templates != nullptr) free(templates);
  }
};

Result<ChatTemplate> ChatTemplate::open(const Library& library, const llama_model* model) {
  // As the real function, but for the deleter, which would call common_chat_templates_free() by its
  // name; both are returned through a hidden pointer to one pointer.
  struct Owned {
    common_chat_templates* templates = nullptr;
    ~Owned() {}  // tidy: not trivial, so that it is returned as a unique_ptr is.
  };
  using Init =
      Owned(const llama_model*, const std::string&, const std::string&, const std::string&);
  Init* init = nullptr;
  void (*set_verbosity)(int) = nullptr;
  auto parts = std::make_shared<Parts>();
  const SharedLibrary& shared = library.shared();
  Status bound = shared.bind(init, kInit);
  if (bound) bound = shared.bind(parts->apply, kApply);
  if (bound) bound = shared.bind(parts->free, kFree);
  if (bound) bound = shared.bind(set_verbosity, kVerbosity);
  if (!bound) return fail(Error{Errc::unavailable, bound.error().message, bound.error().cause});
  set_verbosity(kSilent);
  try {
    parts->templates = init(model, {}, {}, {}).templates;
  } catch (const std::exception& refused) {
    return fail(
        Error{Errc::unsupported, "The model's chat template can't be read.", refused.what()});
  }
  return ChatTemplate(std::move(parts));
}

Result<std::string> ChatTemplate::apply(std::span<const ChatMessage> messages) const {
  common_chat_templates_inputs inputs;
  for (const ChatMessage& message : messages) {
    common_chat_msg& added = inputs.messages.emplace_back();
    added.role = message.role;
    added.content = message.content;
  }
  try {
    return parts_->apply(parts_->templates, inputs).prompt;
  } catch (const std::exception& refused) {
    return fail(Error{Errc::invalid_argument, "The model's chat template refuses these messages.",
                      refused.what()});
  }
}

Result<std::string> ChatTemplate::grammar_of(const std::string& schema) const {
  ACCEL_CHECK(check_schema(schema));
  common_chat_templates_inputs inputs;
  common_chat_msg& message = inputs.messages.emplace_back();
  message.role = "user";
  message.content = "-";  // Of the prompt nothing is used.
  inputs.json_schema = schema;
  try {
    std::string grammar = answer_grammar(parts_->apply(parts_->templates, inputs).grammar);
    if (!grammar.empty()) return grammar;
    return fail(Errc::unsupported, "llama.cpp makes no grammar of this schema for this model.");
  } catch (const std::exception& refused) {
    return fail(Error{Errc::invalid_argument,
                      "The JSON Schema can't be turned into a grammar; use a simpler one.",
                      refused.what()});
  }
}

}  // namespace accel::inference::llama
