// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is asked of an endpoint and what it answers, whatever protocol it speaks. Used by node,
// which fills requests, and by the translators of wire/. Plain values.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"

namespace accel::endpoints {

// None of these changes anything at the server but its bill: a generation that failed may be asked
// for again, and two servers may be asked for the same one. Requests to a stateful model of the
// Open Inference Protocol (sequence_id) are not among them.
enum class Operation { text, embedding, tensors, listing };
std::string_view operation_name(Operation operation);

struct ToolCall {
  std::string id, name;
  std::string arguments;  // JSON as text.
};

struct Message {
  std::string role;  // "system", "developer", "user", "assistant", "tool".
  std::string content;
  std::string tool_call_id, tool_name;  // Of the role "tool".
  std::vector<ToolCall> tool_calls;     // Of the role "assistant".
};

struct ToolDefinition {
  std::string name, description;
  std::string parameters;  // A JSON Schema as text; empty: none.
  bool strict = false;
};

struct Sampling {
  std::optional<double> temperature, top_p, min_p, repeat_penalty, presence_penalty,
      frequency_penalty;
  std::optional<std::int64_t> top_k, seed;
};

struct Request {
  Operation operation = Operation::text;
  std::string model;  // As the caller knows it; the endpoint may have another name for it.
  // Of a text: one of the two.
  std::vector<Message> messages;
  std::string prompt;
  std::vector<ToolDefinition> tools;
  std::string tool_choice = "auto";  // "auto", "none", "required", or the name of a function.
  bool parallel_tool_calls = true;
  Sampling sampling;
  std::optional<std::int64_t> max_tokens;
  bool max_completion_tokens = false;  // OpenAI's own servers have another word for the limit.
  std::vector<std::string> stop;
  std::string json_schema;  // As text; empty: none.
  // Of an embedding.
  std::vector<std::string> inputs;
  // Of tensors: a JSON list as in the Open Inference Protocol v2, and which outputs; empty: all.
  std::string tensors;
  std::vector<std::string> outputs;
  // What is left of the time that whoever asks has; a server of this program, or of the Open
  // Inference Protocol, is told.
  std::optional<Duration> time_left;
  std::string via;  // Question::via.
};

// As the server reports it; what it does not tell stays empty.
struct Usage {
  std::optional<std::uint64_t> prompt_tokens, completion_tokens, cached_tokens;
};

// A part of an answer: words, or a part of a call of a tool. A call's id and name come once.
struct Piece {
  std::string content;
  std::optional<std::size_t> call;
  ToolCall part;
};
using PieceSink = std::function<void(const Piece&)>;

struct Answer {
  std::string text;
  std::vector<ToolCall> calls;
  std::string finish;  // "stop", "length", "tool_calls".
  Usage usage;
  std::vector<std::vector<float>> vectors;  // Of an embedding: one for each input, in order.
  std::string tensors;                      // A JSON list.
  std::vector<std::string> models;          // Of a listing.
  std::string model;                        // As the server names what answered; may be empty.
  // What the request wished of the sampling and the protocol has no word for.
  std::vector<std::string> not_sent;
};

}  // namespace accel::endpoints
