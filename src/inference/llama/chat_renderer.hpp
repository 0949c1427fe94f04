// SPDX-License-Identifier: Apache-2.0
#pragma once
// Renders a model's chat template in a process of its own (render_process.hpp), because a template
// comes with a model of anybody's and is a program: loops without end and texts that double must
// cost this process nothing. The process is kept, one for each model, and started again after a
// template made it end. Used by ChatTemplate. Threads: any; one rendering at a time.

#include <common/chat.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "accel/core/clock.hpp"
#include "llama/library.hpp"
#include "llama/render_wire.hpp"

namespace accel::inference::llama {

class RenderProcess;

class ChatRenderer {
 public:
  // `replacement` takes the place of the model's own template; empty: its own. Errors: unsupported
  // (the template does not parse, or goes beyond a bound while it is tried), unavailable (no
  // process can be started).
  static Result<std::unique_ptr<ChatRenderer>> open(const Library& library,
                                                    const llama_model* model,
                                                    const std::string& replacement,
                                                    const RenderBounds& bounds);
  ~ChatRenderer();
  ChatRenderer(const ChatRenderer&) = delete;
  ChatRenderer& operator=(const ChatRenderer&) = delete;

  bool knows_tools() const { return knows_tools_; }
  // `refused`: the sentence when the template throws. Errors: invalid_argument (it throws, its
  // words are the cause; or goes beyond a bound), cancelled, timeout (others were before it for too
  // long), unavailable.
  Result<common_chat_params> apply(const common_chat_templates_inputs& inputs,
                                   std::string_view refused, const std::stop_token& stop);

 private:
  ChatRenderer(wire::Setup setup, const RenderBounds& bounds);
  Result<wire::Reply> ask(const std::string& question, SteadyTime deadline,
                          const std::stop_token& stop);
  Status start(SteadyTime deadline, const std::stop_token& stop);
  Status take_turn(SteadyTime deadline, const std::stop_token& stop);
  void end_turn();

  const wire::Setup setup_;
  const RenderBounds bounds_;
  bool knows_tools_ = false;
  std::mutex mutex_;
  std::condition_variable_any turn_ended_;
  bool busy_ = false;
  std::unique_ptr<RenderProcess> process_;  // Of whose turn it is.
};

}  // namespace accel::inference::llama
