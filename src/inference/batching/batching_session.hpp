// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shell around BatchPlanner: a Session whose callers run each other's batches. Private; made by
// make_batching_session().
// Threads: run() from any. Every caller that waits can lead: it asks the planner when it comes, and
// the oldest that waits is nudged whenever the answer may have changed. A call's inputs are its
// caller's, who therefore stays until they are copied into the batch (Phase::merging).

#include <atomic>
#include <map>
#include <mutex>
#include <optional>

#include "accel/inference/batching.hpp"
#include "batching/batch_planner.hpp"

namespace accel::inference::batching {

class BatchingSession final : public Session {
 public:
  BatchingSession(std::unique_ptr<Session> session, BatchingOptions options);
  ~BatchingSession() override;  // No call may be under way.

  const std::vector<TensorSpec>& inputs() const override { return session_->inputs(); }
  const std::vector<TensorSpec>& outputs() const override { return session_->outputs(); }
  const SessionInfo& info() const override { return session_->info(); }
  Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor> inputs,
                                          std::span<const std::string> outputs,
                                          const RunOptions& options) override;

 private:
  using Outputs = Result<std::vector<tensor::Tensor>>;
  enum class Phase { waiting, merging, running, gone };
  struct Call;
  struct Batch;
  struct Counters;

  std::optional<Item> describe(const Call& call) const;
  // Under the mutex:
  Outputs wait(std::unique_lock<std::mutex>& lock, Call& call, const std::stop_token& stop);
  bool leave(Call& call);
  void lead(std::unique_lock<std::mutex>& lock, const Plan& plan, const std::stop_token& stop,
            Call& leader);
  void publish(Batch& batch, std::vector<Outputs> outputs, const BatchNote& note);
  Call* oldest();
  void wake_oldest();
  void count_waiting();
  // Without it:
  std::vector<Outputs> execute(Batch& batch);
  Status join(Batch& batch);
  Result<std::vector<Outputs>> run_joined(Batch& batch);
  std::vector<Outputs> run_each(Batch& batch);
  Outputs run_one(Batch& batch, std::size_t index);
  std::vector<Outputs> prove(Batch& batch, std::vector<Outputs> together);
  void stop_joining(std::string_view why);
  BatchNote note_of(const Plan& plan, Duration took) const;

  std::unique_ptr<Session> session_;
  BatchingOptions options_;
  std::unique_ptr<Counters> counters_;  // Null without metrics.
  std::mutex mutex_;
  BatchPlanner planner_;
  std::map<ItemId, Call*> waiting_;  // Each lies on the stack of its caller.
  ItemId next_id_ = 1;
  std::atomic<bool> joins_;      // False once rows turned out to depend on each other.
  std::atomic<int> proofs_ = 0;  // Batches that were the same both ways.
};

}  // namespace accel::inference::batching
