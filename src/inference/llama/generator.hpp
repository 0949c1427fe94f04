// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shell around SlotPlanner: one llama_context, one worker thread that decodes what the planner
// says, and the callers that wait for their texts. Used by LlamaModel.
// Threads: generate(), logits(), admits() and load() from any thread. What belongs to the worker
// alone is said so below; everything else is under the mutex, which is never held while something
// is decoded, copied or a token chosen.

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "accel/core/async/io.hpp"
#include "llama/context.hpp"
#include "llama/draft_model.hpp"
#include "llama/library.hpp"
#include "llama/parked_texts.hpp"
#include "llama/slot_planner.hpp"

namespace accel::inference::llama {

class Generator {
 public:
  // `draft`: null, or a model of the same vocabulary; both models outlive this. `parked_bytes`:
  // what ended texts may take beside the context.
  // Errors: resource_exhausted (no memory for the context).
  static Result<std::unique_ptr<Generator>> open(std::shared_ptr<const Library> library,
                                                 llama_model* model, llama_model* draft,
                                                 const LlamaModelOptions& options,
                                                 std::uint64_t parked_bytes);
  ~Generator();

  std::size_t context() const { return limits_.context; }
  Status admits(std::size_t prompt_tokens, std::size_t max_tokens) const;
  Result<GenerationReport> generate(const GenerationRequest& request, const TextSink& on_text,
                                    std::stop_token stop, TokenUse& use);
  Result<std::vector<float>> logits(std::span<const TokenId> prompt, std::stop_token stop);
  LlamaModel::Load load() const;

 private:
  struct Job;
  struct Taken {
    std::size_t right = 0;        // Guesses that were.
    std::optional<Status> ended;  // How the text ends, if it does.
  };
  Generator(std::shared_ptr<const Library> library, const llama_vocab* vocab, SlotLimits limits);
  Result<std::shared_ptr<Job>> submit(const GenerationRequest& request, bool wants_logits);
  Status check_tokens(std::span<const TokenId> tokens) const;
  Status check_draft(const GenerationRequest& request) const;
  Status deliver(Job& job, const TextSink& on_text, std::stop_token stop);
  void cancel(Job& job);
  // Of the worker:
  void work();
  bool step(std::unique_lock<std::mutex>& lock);
  void drop_cancelled();
  void guess(std::unique_lock<std::mutex>& lock);
  std::vector<TokenId> guesses_of(const Job& job, std::size_t most);
  void take_results(const std::vector<Chunk>& plan, const std::vector<Job*>& jobs,
                    std::unique_lock<std::mutex>& lock);
  Taken take_chunk(Job& job, const Chunk& chunk, std::int32_t row);
  std::optional<Status> take_token(Job& job, std::int32_t row);
  Result<TokenId> choose(const Job& job, std::span<const float> logits) const;
  void hand_over(Job& job, std::optional<Status> ended);
  void go_back(const Job& job, const Chunk& chunk, std::size_t rejected);
  void add_token(Job& job, TokenId token, std::span<const float> logits);
  void make(const Move& move, std::unique_lock<std::mutex>& lock);
  void park_ended(std::unique_lock<std::mutex>& lock);
  void make_room_for(std::size_t slot, const std::vector<std::size_t>& kept);
  void empty(std::size_t slot);
  void finish(Job& job, Status outcome);

  std::shared_ptr<const Library> library_;  // Owners: engine, model, this; immutable.
  const llama_vocab* vocab_;
  SlotLimits limits_;
  bool prefix_cache_ = true;
  bool can_go_back_ = false;  // The context can forget the last tokens of a text.
  ThreadpoolHandle threadpool_{nullptr, nullptr};  // Outlives the context that uses it.
  std::atomic<bool> abort_ = false;                // Nobody waits for what is being decoded.
  ContextHandle context_{nullptr, nullptr};        // Of the worker.
  std::unique_ptr<ParkedTexts> parked_;            // Of the worker; null: all stay in the context.
  std::unique_ptr<DraftModel> draft_model_;        // Of the worker; null: none.
  mutable std::mutex mutex_;
  std::condition_variable_any work_;
  SlotPlanner planner_;
  std::map<RequestId, std::shared_ptr<Job>> jobs_;  // Owners: this and the caller that waits.
  RequestId next_id_ = 1;
  std::stop_source stop_;
  IoThread thread_{1, "llama"};  // Runs work(); uses everything above.
};

}  // namespace accel::inference::llama
