// SPDX-License-Identifier: Apache-2.0
#pragma once
// What ChatRenderer and its process say to each other: numbers, and texts and lists behind their
// length. Host byte order: both ends are the same program. Who reads trusts no length, for a
// template that took over the process could write anything. Pure.

#include <common/chat.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace accel::inference::llama::wire {

using Number = std::uint64_t;

template <class T>
concept Numeric = std::is_integral_v<T> || std::is_enum_v<T>;

// What a process renders: a model's templates and tokens, without its weights.
struct Setup {
  std::string library;      // libllama-common.so, as the parent loaded it.
  std::string replacement;  // In place of the model's own template; empty: its own.
  std::string own;          // The model's template and its variant for tools; empty: none.
  std::string own_for_tools;
  std::string bos;  // The text of the token; empty: none.
  std::string eos;
  bool adds_bos = false;  // The tokenizer adds it, so that the prompt must not begin with it.
  bool adds_eos = false;
  Number memory_bytes = 0;  // Beyond what the libraries take.
  Number cpu_seconds = 0;   // Of each question.
};

struct Reply {
  bool refused = false;
  bool knows_tools = false;  // Of a setup.
  std::string why;           // It was refused.
  common_chat_params made;   // Of a chat.
};

// One order of the fields for both ways. Of llama.cpp's structs: what is used here.
template <class Wire>
void fields(Wire& wire, Setup& setup) {
  wire(setup.library, setup.replacement, setup.own, setup.own_for_tools, setup.bos, setup.eos);
  wire(setup.adds_bos, setup.adds_eos, setup.memory_bytes, setup.cpu_seconds);
}
template <class Wire>
void fields(Wire& wire, common_chat_tool_call& call) {
  wire(call.name, call.arguments, call.id);
}
template <class Wire>
void fields(Wire& wire, common_chat_msg& message) {
  wire(message.role, message.content, message.tool_calls, message.tool_name, message.tool_call_id);
}
template <class Wire>
void fields(Wire& wire, common_chat_tool& tool) {
  wire(tool.name, tool.description, tool.parameters);
}
template <class Wire>
void fields(Wire& wire, common_chat_templates_inputs& inputs) {
  wire(inputs.messages, inputs.json_schema, inputs.tools, inputs.tool_choice);
  wire(inputs.parallel_tool_calls);
}
template <class Wire>
void fields(Wire& wire, common_grammar_trigger& trigger) {
  wire(trigger.type, trigger.value, trigger.token);
}
template <class Wire>
void fields(Wire& wire, common_chat_params& made) {
  wire(made.format, made.prompt, made.grammar, made.grammar_lazy, made.generation_prompt);
  wire(made.grammar_triggers, made.preserved_tokens, made.additional_stops, made.parser);
}
template <class Wire>
void fields(Wire& wire, Reply& reply) {
  wire(reply.refused, reply.knows_tools, reply.why, reply.made);
}

class Writer {
 public:
  template <class... Things>
  void operator()(Things&... things) {
    (put(things), ...);
  }
  std::string take() { return std::move(bytes_); }

 private:
  void put(Numeric auto value) {
    const auto number = static_cast<Number>(value);
    bytes_.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  void put(std::string& text) {
    put(text.size());
    bytes_ += text;
  }
  template <class T>
  void put(std::vector<T>& list) {
    put(list.size());
    for (T& thing : list) put(thing);
  }
  template <class T>
    requires std::is_class_v<T>
  void put(T& thing) {
    fields(*this, thing);
  }
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class... Things>
  void operator()(Things&... things) {
    (get(things), ...);
  }
  // Nothing was missing, and nothing is left.
  bool is_whole() const { return !failed_ && bytes_.empty(); }

 private:
  std::string_view take(Number size) {
    failed_ = failed_ || size > bytes_.size();
    if (failed_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  template <Numeric T>
  void get(T& value) {
    Number number = 0;
    const std::string_view taken = take(sizeof number);
    if (failed_) return;
    std::memcpy(&number, taken.data(), sizeof number);
    if constexpr (std::is_same_v<T, bool>) {
      value = number != 0;
    } else {
      value = static_cast<T>(number);
    }
  }
  Number length() {
    Number size = 0;
    get(size);
    return size;
  }
  void get(std::string& text) { text = take(length()); }
  template <class T>
  void get(std::vector<T>& list) {
    const Number size = length();
    failed_ = failed_ || size > bytes_.size() / sizeof(Number);  // Each takes a number at least.
    if (failed_) return;
    list.resize(size);
    for (T& thing : list) get(thing);
  }
  template <class T>
    requires std::is_class_v<T>
  void get(T& thing) {
    fields(*this, thing);
  }
  std::string_view bytes_;
  bool failed_ = false;
};

template <class T>
std::string packed(T thing) {
  Writer writer;
  fields(writer, thing);
  return writer.take();
}

// Nothing: it is no T.
template <class T>
std::optional<T> unpacked(std::string_view bytes) {
  std::optional<T> thing(std::in_place);
  Reader reader(bytes);
  fields(reader, *thing);
  if (!reader.is_whole()) thing.reset();
  return thing;
}

}  // namespace accel::inference::llama::wire
