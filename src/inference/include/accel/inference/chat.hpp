// SPDX-License-Identifier: Apache-2.0
#pragma once
// Chats with tools: what a model is told, what its answer may be, and how the answer is read. Used
// by LlamaModel, models (text generation) and node. Values; an AnswerFormat is immutable and may be
// used from many threads. Spec of the shapes: OpenAI's function calling.

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"

namespace accel::inference {

// What writing out one chat by a model's template may take, which is a program of anybody's. For a
// hundred messages and tools, Llama 3's takes some 50 ms of processor time.
struct RenderBounds {
  std::uint64_t memory_bytes = 256U << 20U;
  std::chrono::seconds cpu{5};
  Duration deadline = std::chrono::seconds(30);  // Waiting for other chats is part of it.
};

struct ToolCall {
  std::string id = {};  // Empty: nobody named it yet.
  std::string name = {};
  std::string arguments = {};  // A JSON object as text; cut where the answer was cut.
};

struct ChatMessage {
  std::string role;  // "system", "user", "assistant", "tool", or what the model's template knows.
  std::string content;
  std::vector<ToolCall> tool_calls = {};  // Of an assistant.
  std::string tool_call_id = {};          // Of a tool: the call that it answers.
  std::string tool_name = {};             // Of a tool: the function that it answers for.
};

struct ToolDefinition {
  std::string name;
  std::string description = {};
  std::string parameters = {};  // A JSON Schema of an object; empty: no arguments.
  // Arguments fit the schema, or it is refused. Otherwise keywords that no grammar can enforce are
  // told to the model and not enforced.
  bool strict = false;
};

enum class ToolChoice { automatic, none, required };

struct ChatRequest {
  std::span<const ChatMessage> messages;
  std::span<const ToolDefinition> tools = {};  // With `required`: one of these is called.
  ToolChoice choice = ToolChoice::automatic;
  bool parallel = true;  // Several calls in one answer.
  // With an automatic choice: what is no call is JSON that fits it. Empty: any text.
  std::string_view json_schema = {};
};

// An answer as far as it is written.
struct Answer {
  std::string content;
  std::vector<ToolCall> calls;
};

// How one request's answer is to be read.
class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  // `partial`: more may come. What was content or a call's arguments once begins what it is later.
  virtual Answer read(std::string_view text, bool partial) const = 0;
};

struct ChatPlan {
  std::string prompt;
  std::string grammar = {};  // GBNF; empty: any text.
  // Regular expressions: the grammar holds from their first match on. Empty: from the beginning.
  std::vector<std::string> triggers = {};
  std::string begun = {};  // What the grammar derives first and the prompt ends with.
  std::vector<std::string> stop = {};
  std::vector<std::string> shown = {};  // Tokens that control the model and belong to the answer.
  std::shared_ptr<const AnswerFormat> format = {};  // Owners: readers; null: the answer is text.
};

}  // namespace accel::inference
