// SPDX-License-Identifier: Apache-2.0
#include "llama/chat_template.hpp"

#include <common/chat.h>

#include <algorithm>
#include <iterator>

#include "llama/chat_renderer.hpp"
#include "llama/schema_check.hpp"
#include "llama/tagged_calls.hpp"

namespace accel::inference::llama {
namespace {

constexpr const char* kLoadParser =
    "_ZN16common_peg_arena4loadERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
constexpr const char* kParse =
    "_Z17common_chat_parseRKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEbRK25common_chat_"
    "parser_params";

constexpr const char* kVerbosity = "_Z30common_log_set_verbosity_tholdi";
constexpr int kSilent = -1;  // Its parser prints to stderr what is none of a template's words.

constexpr std::string_view kRefusesMessages = "The model's chat template refuses these messages.";
constexpr std::string_view kRefusesTools =
    "The model's chat template refuses these messages or tools.";
constexpr std::string_view kRefusesSchema =
    "The JSON Schema can't be turned into a grammar; use a simpler one.";

// llama.cpp's root begins with the end of the prompt and allows a fence around the JSON: here the
// answer is the JSON alone, which it calls "response-format". Its rules without the root; empty
// when there is no such rule.
std::string answer_rules(std::string_view grammar) {
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
  return found ? rules : std::string();
}

std::string escaped(std::string_view word) {
  std::string pattern;
  for (const char c : word) {
    if (std::string_view(".^$|()[]{}*+?\\/").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string pattern_of(const common_grammar_trigger& trigger) {
  if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN) return trigger.value;
  if (trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL) return "^" + trigger.value + "$";
  return escaped(trigger.value);
}

std::string first_word(const common_chat_params& made) {
  const auto found = std::ranges::find(made.grammar_triggers, COMMON_GRAMMAR_TRIGGER_TYPE_WORD,
                                       &common_grammar_trigger::type);
  return found == made.grammar_triggers.end() ? std::string() : found->value;
}

void add_message(common_chat_templates_inputs& inputs, const ChatMessage& message) {
  common_chat_msg& added = inputs.messages.emplace_back();
  added.role = message.role;
  added.content = message.content;
  added.tool_call_id = message.tool_call_id;
  added.tool_name = message.tool_name;
  for (const ToolCall& call : message.tool_calls)
    added.tool_calls.push_back({call.name, call.arguments, call.id});
}

common_chat_templates_inputs inputs_of(const ChatRequest& request) {
  common_chat_templates_inputs inputs;
  for (const ChatMessage& message : request.messages) add_message(inputs, message);
  for (const ToolDefinition& tool : request.tools) {
    const bool plain = tool.parameters.empty();
    inputs.tools.push_back({tool.name, tool.description,
                            plain ? R"({"type":"object","properties":{}})" : tool.parameters});
  }
  inputs.tool_choice = request.choice == ToolChoice::none       ? COMMON_CHAT_TOOL_CHOICE_NONE
                       : request.choice == ToolChoice::required ? COMMON_CHAT_TOOL_CHOICE_REQUIRED
                                                                : COMMON_CHAT_TOOL_CHOICE_AUTO;
  inputs.parallel_tool_calls = request.parallel;
  return inputs;
}

}  // namespace

struct ChatTemplate::Parts {
  decltype(&common_chat_parse) parse = nullptr;
  void (*load_parser)(common_peg_arena* self, const std::string& data) = nullptr;
  std::unique_ptr<ChatRenderer> renderer;
};

// Answers in the words of the model's own template, read by the parser that llama.cpp made for it.
class ChatTemplate::OwnFormat final : public AnswerFormat {
 public:
  // `begun`: what of the answer stands in the prompt already.
  OwnFormat(std::shared_ptr<const Parts> parts, const common_chat_params& made, std::string begun)
      : parts_(std::move(parts)), params_(made), begun_(std::move(begun)) {
    if (!made.parser.empty()) parts_->load_parser(&params_.parser, made.parser);
  }
  Answer read(std::string_view text, bool partial) const override {
    Answer answer;
    try {
      common_chat_msg message = parts_->parse(begun_ + std::string(text), partial, params_);
      answer.content = std::move(message.content);
      // llama.cpp's grammars don't count calls.
      for (common_chat_tool_call& call :
           std::span(message.tool_calls).first(std::min(message.tool_calls.size(), kMaxCalls)))
        answer.calls.push_back(
            {std::move(call.id), std::move(call.name), std::move(call.arguments)});
    } catch (const std::exception&) {  // It is none of the template's: words, then.
      if (!partial) answer.content = text;
    }
    return answer;
  }

 private:
  std::shared_ptr<const Parts> parts_;  // Owners: templates and formats; immutable.
  common_chat_parser_params params_;
  std::string begun_;
};

Result<ChatTemplate> ChatTemplate::open(const Library& library, const llama_model* model,
                                        const std::string& source, const RenderBounds& bounds) {
  auto parts = std::make_shared<Parts>();
  const SharedLibrary& shared = library.shared();
  Status bound = shared.bind(parts->parse, kParse);
  if (bound) bound = shared.bind(parts->load_parser, kLoadParser);
  void (*set_verbosity)(int) = nullptr;
  if (bound) bound = shared.bind(set_verbosity, kVerbosity);
  if (!bound) return fail(Error{Errc::unavailable, bound.error().message, bound.error().cause});
  set_verbosity(kSilent);
  ACCEL_TRY(parts->renderer, ChatRenderer::open(library, model, source, bounds));
  return ChatTemplate(std::move(parts));
}

Result<std::string> ChatTemplate::apply(std::span<const ChatMessage> messages,
                                        const std::stop_token& stop) const {
  ACCEL_TRY(common_chat_params made,
            parts_->renderer->apply(inputs_of({messages}), kRefusesMessages, stop));
  return std::move(made.prompt);
}

Result<std::string> ChatTemplate::rules_of(const std::string& schema,
                                           const std::stop_token& stop) const {
  common_chat_templates_inputs inputs;
  common_chat_msg& message = inputs.messages.emplace_back();
  message.role = "user";
  message.content = "-";  // Of the prompt nothing is used.
  inputs.json_schema = schema;
  ACCEL_TRY(const common_chat_params made, parts_->renderer->apply(inputs, kRefusesSchema, stop));
  std::string rules = answer_rules(made.grammar);
  if (!rules.empty()) return rules;
  return fail(Errc::unsupported, "llama.cpp makes no grammar of this schema for this model.");
}

Result<std::string> ChatTemplate::grammar_of(const std::string& schema,
                                             const std::stop_token& stop) const {
  ACCEL_CHECK(check_schema(schema));
  ACCEL_TRY(const std::string rules, rules_of(schema, stop));
  return rules + "root ::= response-format\n";
}

Result<ChatPlan> ChatTemplate::plan(const ChatRequest& request, const std::stop_token& stop) const {
  if (!request.tools.empty()) {
    // Also where llama.cpp makes the grammar by itself: it bounds no schema.
    ACCEL_TRY(const std::string schema, call_schema(request.tools));
    ACCEL_CHECK(check_schema(schema, Enforce::what_can_be));
  }
  const bool may_call = !request.tools.empty() && request.choice == ToolChoice::automatic;
  if (may_call && !request.json_schema.empty()) return tagged_or_json_plan(request, stop);
  return parts_->renderer->knows_tools() ? own_plan(request, stop) : tagged_plan(request, stop);
}

Result<ChatPlan> ChatTemplate::own_plan(const ChatRequest& request,
                                        const std::stop_token& stop) const {
  common_chat_templates_inputs inputs = inputs_of(request);
  const bool required = request.choice == ToolChoice::required;
  ACCEL_TRY(common_chat_params made, parts_->renderer->apply(inputs, kRefusesTools, stop));
  // A template may know tools in a way that llama.cpp can't make out.
  const bool calls = request.choice != ToolChoice::none && !request.tools.empty();
  if (calls && made.grammar.empty()) return tagged_plan(request, stop);
  // llama.cpp's grammar of a required call allows words before it, without end: the prompt ends
  // with what begins a call, which is what would trigger the grammar of one by choice.
  std::string begun;
  if (required) {
    inputs.tool_choice = COMMON_CHAT_TOOL_CHOICE_AUTO;
    ACCEL_TRY(const auto by_choice, parts_->renderer->apply(inputs, kRefusesTools, stop));
    begun = first_word(by_choice);
  }
  return plan_of(std::move(made), std::move(begun));
}

Result<ChatPlan> ChatTemplate::plan_of(common_chat_params made, std::string begun) const {
  ChatPlan plan;
  if (made.grammar_lazy)
    std::ranges::transform(made.grammar_triggers, std::back_inserter(plan.triggers), pattern_of);
  if (!made.grammar_lazy) plan.begun = made.generation_prompt + begun;
  plan.prompt = made.prompt + begun;
  try {
    plan.format = std::make_shared<OwnFormat>(parts_, made, std::move(begun));
  } catch (const std::exception& refused) {
    return fail(Error{Errc::invalid_argument, std::string(kRefusesTools), refused.what()});
  }
  plan.grammar = std::move(made.grammar);
  plan.stop = std::move(made.additional_stops);
  plan.shown = std::move(made.preserved_tokens);
  return plan;
}

Result<ChatPlan> ChatTemplate::tagged_plan(const ChatRequest& request,
                                           const std::stop_token& stop) const {
  ChatPlan plan;
  const std::vector<ChatMessage> told = with_told_tools(request);
  ACCEL_TRY(plan.prompt, apply(told, stop));
  if (request.tools.empty() || request.choice == ToolChoice::none) return plan;
  ACCEL_TRY(const std::string schema, call_schema(request.tools));
  ACCEL_TRY(const std::string rules, rules_of(schema, stop));
  plan.grammar = tagged_grammar(rules, request.parallel);
  if (request.choice == ToolChoice::automatic) plan.triggers.push_back(tagged_trigger());
  plan.format = std::make_shared<TaggedCalls>();
  return plan;
}

// In tags also where the template knows tools: given both, llama.cpp makes a grammar of the JSON
// and leaves the tools out, and its grammar of calls alone derives an empty answer.
Result<ChatPlan> ChatTemplate::tagged_or_json_plan(const ChatRequest& request,
                                                   const std::stop_token& stop) const {
  ChatPlan plan;
  const std::string answer(request.json_schema);
  ACCEL_CHECK(check_schema(answer));
  ACCEL_TRY(plan.prompt, apply(with_told_tools(request), stop));
  ACCEL_TRY(const std::string schema, call_or_answer_schema(request.tools, answer));
  ACCEL_CHECK(check_schema(schema, Enforce::what_can_be));
  ACCEL_TRY(const std::string rules, rules_of(schema, stop));
  ACCEL_TRY(plan.grammar, tagged_or_json_grammar(rules, request.parallel));
  plan.format = std::make_shared<TaggedCallsOrJson>();
  return plan;
}

}  // namespace accel::inference::llama
