// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models in memory, whatever their kind, within one budget: the shell around PoolPolicy. Used by
// node. It loads what is asked for once, however many ask at a time; lends it; and unloads what the
// policy lets go, with the memory returned to the system.
//
// Threads: all methods from any; get() and reserve() block, one model is loaded at a time, so that
// what it adds to the process can be seen. Ownership: the pool owns its models; a Loan keeps one
// until it ends, which must be before the pool does.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/metrics.hpp"
#include "accel/core/result.hpp"
#include "accel/inference/pool_policy.hpp"

namespace accel::inference {

// What a pool keeps; its destructor frees the memory.
class PooledModel {
 public:
  virtual ~PooledModel() = default;
};

struct PoolOptions {
  PoolLimits limits = {};
  // That a request waits for room at most, and how many wait at a time; more are refused.
  Duration max_wait = std::chrono::seconds(5);
  std::size_t max_waiting = 16;
  bool keeps = true;  // False: nothing outlives its last call, and no time is spent on measuring.
};

// What lies outside: time, and the memory of the process.
struct PoolSeams {
  const Clock* clock = &system_clock();
  std::function<std::optional<std::uint64_t>()> resident = {};  // Bytes; empty: nothing is seen.
  // The most that was resident since restart_peak(); nothing: that can't be told.
  std::function<std::optional<std::uint64_t>()> peak = {};
  std::function<bool()> restart_peak = {};
  std::function<std::optional<std::uint64_t>()> headroom = {};  // Bytes; empty: no limit.
  std::function<void()> return_memory = {};                     // After something was unloaded.
};

class ModelPool;

// A model that a call uses: it stays loaded meanwhile. Movable; any thread.
class Loan {
 public:
  Loan() = default;
  Loan(Loan&& other) noexcept { *this = std::move(other); }
  Loan& operator=(Loan&& other) noexcept;
  ~Loan() { end(); }

  explicit operator bool() const { return pool_ != nullptr; }
  PooledModel* model() const { return model_.get(); }  // Null for mere room.
  // How long it stays after its last call, from now on: until another call says otherwise.
  void keep_for(Duration time) const;
  double load_ms() const { return load_ms_; }  // 0 when it was loaded before.
  void end();

 private:
  friend class ModelPool;
  ModelPool* pool_ = nullptr;
  PoolId id_ = 0;
  std::shared_ptr<PooledModel> model_;  // Owners: the pool, and this.
  double load_ms_ = 0;
  // Of the process when the call began, if it was the only one: what it grew by is the model's.
  std::optional<std::uint64_t> resident_;
  std::uint64_t epoch_ = 0;
};

// A Loan of a T.
template <class T>
class Lent {
 public:
  Lent() = default;
  explicit Lent(Loan loan) : loan_(std::move(loan)) {}

  explicit operator bool() const { return static_cast<bool>(loan_); }
  T* get() const { return static_cast<T*>(loan_.model()); }
  T* operator->() const { return get(); }
  T& operator*() const { return *get(); }
  const Loan& loan() const { return loan_; }

 private:
  Loan loan_;
};

struct PoolRow {
  PoolEntry entry;
  std::shared_ptr<const PooledModel> model;  // Owners: the pool, and this. Null while it is loaded.
};

// The cause of the error about a model that exceeds the budget alone: trying again is no use.
inline constexpr std::string_view kNeverFits = "model pool: too_large";
// Whether a model had no room, now or ever: another place may have it.
bool is_for_want_of_room(const Error& error);

class ModelPool {
 public:
  // `metrics` must outlive it.
  ModelPool(PoolOptions options, Metrics& metrics, PoolSeams seams = {});
  ~ModelPool();
  ModelPool(const ModelPool&) = delete;
  ModelPool& operator=(const ModelPool&) = delete;

  using Loader = std::function<Result<std::shared_ptr<PooledModel>>()>;
  // What is loaded under the demand's key, else what `load` gives, for which there is room.
  // Errors: resource_exhausted (no room: says why), unsupported (it never fits: kNeverFits),
  // cancelled, and those of `load`.
  Result<Loan> get(const PoolDemand& demand, const Loader& load, const std::stop_token& stop);
  // What is loaded under the demand's key; none when it is not, or when there is to be another
  // instance of it.
  Loan find(const std::string& key, std::size_t instances = 1);
  // The same without a call: it may go at any time, and this keeps only the object.
  std::shared_ptr<const PooledModel> peek(const std::string& key) const;
  // Room without a model, for what is opened and closed within a call: the Loan's end frees it.
  // Errors: resource_exhausted, cancelled.
  Result<Loan> reserve(const PoolDemand& demand, const std::stop_token& stop);

  // A call of what is loaded and matches, the one that was used last; none when nothing does.
  template <class T, class Matches>
  Lent<T> lend(const Matches& matches) {
    return Lent<T>(lend_if([&](const PooledModel& model) {
      const T* const typed = dynamic_cast<const T*>(&model);
      return typed != nullptr && matches(*typed);
    }));
  }
  // The same without a call, as peek().
  template <class T, class Matches>
  std::shared_ptr<const T> look(const Matches& matches) const {
    for (const PoolRow& row : rows()) {
      auto typed = std::dynamic_pointer_cast<const T>(row.model);
      if (typed && matches(*typed)) return typed;
    }
    return nullptr;
  }

  // Lets go of what matches, now or with the end of its last call. How many.
  std::size_t drop(const std::function<bool(const PooledModel&)>& matches);
  std::vector<PoolRow> rows() const;  // The one used last first.
  std::size_t size() const;
  bool keeps() const { return options_.keeps; }
  std::uint64_t budget_bytes() const { return options_.limits.budget_bytes; }
  // Unloads what was not used for as long as it is kept. A thread of the pool does it by itself
  // once start() was called.
  void sweep();
  void start();

 private:
  friend class Loan;
  using Lock = std::unique_lock<std::mutex>;
  struct Counters;
  struct Waiting;

  Loan lend_if(const std::function<bool(const PooledModel&)>& matches);
  void keep_for(PoolId id, Duration time);
  void give_back(Loan& loan);
  // Under the lock; 0: not yet, wait. They let go of the lock to look and to unload.
  Result<PoolId> find_room(Lock& lock, const PoolDemand& demand, Waiting& waiting);
  Result<PoolId> make_room(Lock& lock, const PoolDemand& demand, Waiting& waiting);
  PoolId room_beside(const PoolDemand& demand);
  Result<Loan> load_into(Lock& lock, PoolId id, const Loader& load);
  Status wait(Lock& lock, const std::stop_token& stop);
  void unload(Lock& lock, const std::vector<PoolUnload>& list);
  Loan begin_call(Lock& lock, PoolId id);  // At the end it has let go of the lock.
  void sweep_by(PoolId id);
  void publish();
  // Without it:
  tl::unexpected<Error> refuse(const PoolDemand& demand, PoolRefusal why) const;
  SteadyTime now() const { return seams_.clock->now(); }
  std::optional<std::uint64_t> resident() const;
  void run_sweeper();

  PoolOptions options_;
  PoolSeams seams_;
  std::unique_ptr<Counters> counters_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::condition_variable_any expiry_;
  PoolPolicy policy_;
  std::map<PoolId, std::shared_ptr<PooledModel>> models_;
  std::map<PoolId, int> settling_;       // Of what was loaded: first calls that are still watched.
  std::uint64_t epoch_ = 0;              // Calls, loads and unloads so far.
  std::atomic<std::size_t> waiting_{0};  // For room.
  bool loading_ = false;                 // Somebody loads, or makes room for it.
  SteadyTime sweeps_at_ = SteadyTime::max();
  bool sweeps_earlier_ = false;
  std::stop_source stop_;
  std::unique_ptr<IoThread> sweeper_;  // Uses all of the above: declared last.
};

}  // namespace accel::inference
