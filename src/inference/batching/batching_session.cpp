// SPDX-License-Identifier: Apache-2.0
#include "batching/batching_session.hpp"

#include <algorithm>
#include <condition_variable>

#include "accel/core/log.hpp"
#include "accel/core/run_delay.hpp"
#include "accel/core/trace.hpp"
#include "batching/tensor_rows.hpp"

namespace accel::inference {
namespace batching {
namespace {

using tensor::Tensor;

// Batches that are computed both ways before a model is believed to keep its rows apart.
constexpr int kProofs = 2;
// Kernels for other widths add up in another order; what depends on other rows differs by far more.
constexpr double kTolerance = 1e-3;

tl::unexpected<Error> cancelled() {
  return fail(Errc::cancelled, "The run of the model was cancelled.");
}

// What a run takes by itself: a CPU that others had meanwhile says nothing about the model.
class OwnTime {
 public:
  Duration passed() const {
    const Duration wall = system_clock().now() - start_;
    return std::max(wall - (thread_run_delay() - delay_), Duration::zero());
  }

 private:
  SteadyTime start_ = system_clock().now();
  Duration delay_ = thread_run_delay();
};

// What of a call's way through its batch a trace shows.
void record_spans(const BatchNote& note, SteadyTime arrived, SteadyTime began) {
  if (!trace::is_recording()) return;
  const auto number = [](std::size_t count) { return static_cast<std::int64_t>(count); };
  trace::record(
      "wait for a batch", arrived, began,
      {{"accel.batch.reason", note.reason}, {"accel.batch.own_rows", number(note.own_rows)}});
  std::vector<trace::Attribute> facts{{"accel.batch.rows", number(note.rows)},
                                      {"accel.batch.requests", number(note.requests)},
                                      {"accel.batch.clients", number(note.clients)}};
  if (note.tokens > 0) {
    facts.emplace_back("accel.batch.tokens", number(note.tokens));
    facts.emplace_back("accel.batch.padded_tokens", number(note.padded_tokens));
  }
  const auto took = std::chrono::duration<double, std::milli>(note.run_ms);
  trace::record("run a batch", began, began + std::chrono::duration_cast<Duration>(took),
                std::move(facts));
}

}  // namespace

// Lies on its caller's stack, who waits until it is published or has left.
struct BatchingSession::Call {
  std::span<const NamedTensor> inputs;
  std::span<const std::string> wanted;
  ItemId id = 0;
  std::size_t rows = 0;
  std::size_t length = 1;
  SteadyTime arrived{};
  // Under the mutex:
  Phase phase = Phase::waiting;
  Batch* batch = nullptr;  // Of phases merging and running.
  bool leads = false;      // Its thread runs a batch, perhaps one of others only.
  bool nudged = false;
  bool wants_to_leave = false;
  std::condition_variable_any news;
  std::optional<Outputs> result;
  BatchNote note;
  SteadyTime began{};  // Of its batch.

  void nudge() {
    nudged = true;
    news.notify_one();
  }
};

// Lies on its leader's stack.
struct BatchingSession::Batch {
  struct Part {
    Call* call = nullptr;  // Under the mutex: null when its caller has left.
    std::size_t rows = 0;
    std::size_t length = 0;
  };
  Plan plan;
  std::vector<Part> parts;
  std::stop_source stop;  // All have left.
  std::vector<std::string> names, wanted;
  std::vector<Tensor> inputs;    // Joined; empty for one part, whose own inputs are used.
  std::optional<Duration> took;  // The run of all parts at once, when it succeeded: OwnTime.
};

struct BatchingSession::Counters {
  Counters(Metrics& metrics, const std::string& model)
      : waiting(metrics.gauge("accel_batch_waiting_rows", "Rows that wait for a batch",
                              {{"model", model}})),
        refused(metrics.counter("accel_batch_refused_total", "Requests refused for a full queue",
                                {{"model", model}})),
        rows(metrics.histogram("accel_batch_rows", "Rows that ran together", {{"model", model}},
                               {1, 2, 4, 8, 16, 32, 64, 128})),
        seconds(metrics.histogram("accel_batch_wait_seconds",
                                  "From a request's coming to the start of its batch",
                                  {{"model", model}})),
        tokens(metrics.counter("accel_batch_tokens_total", "Tokens that ran, padding not counted",
                               {{"model", model}})),
        padding(metrics.counter("accel_batch_padding_tokens_total",
                                "Tokens of padding that ran in vain", {{"model", model}})) {
    for (const StartReason reason : kStartReasons) {
      starts[reason] =
          &metrics.counter("accel_batch_starts_total", "Batches, by why they began",
                           {{"model", model}, {"reason", std::string(reason_name(reason))}});
    }
  }
  Gauge& waiting;
  Counter& refused;
  Histogram& rows;
  Histogram& seconds;
  Counter& tokens;
  Counter& padding;
  std::map<StartReason, Counter*> starts;
};

BatchingSession::BatchingSession(std::unique_ptr<Session> session, BatchingOptions options)
    : session_(std::move(session)),
      options_(std::move(options)),
      planner_(options_.limits),
      joins_(can_batch(*session_)) {
  if (options_.metrics != nullptr)
    counters_ = std::make_unique<Counters>(*options_.metrics, options_.model);
  if (!options_.rows.prove) proofs_ = kProofs;
}

BatchingSession::~BatchingSession() = default;

// What a request is to the planner; nothing when it must run alone.
std::optional<Item> BatchingSession::describe(const Call& call) const {
  Item item;
  std::optional<std::int64_t> rows;
  std::optional<std::int64_t> length;
  for (const NamedTensor& input : call.inputs) {
    const tensor::Shape& shape = input.value->shape();
    const bool padded = options_.rows.padding.contains(std::string(input.name));
    if (shape.empty() || shape[0] < 1 || rows.value_or(shape[0]) != shape[0]) return std::nullopt;
    if (padded && (shape.size() < 2 || length.value_or(shape[1]) != shape[1])) return std::nullopt;
    rows = shape[0];
    if (padded) length = shape[1];
    const tensor::Shape rest(shape.begin() + (padded ? 2 : 1), shape.end());
    item.group += fmt::format("{}{} ", input.name, tensor::shape_text(rest));
  }
  if (!rows || length.value_or(1) < 1) return std::nullopt;
  for (const std::string& name : call.wanted) item.group += name + " ";
  item.rows = static_cast<std::size_t>(*rows);
  item.length = static_cast<std::size_t>(length.value_or(1));
  return item;
}

Result<std::vector<Tensor>> BatchingSession::run(std::span<const NamedTensor> inputs,
                                                 std::span<const std::string> outputs,
                                                 const RunOptions& options) {
  ACCEL_CHECK(check_inputs(session_->inputs(), inputs));
  ACCEL_CHECK(check_outputs(session_->outputs(), outputs));
  if (options.stop.stop_requested()) return cancelled();
  if (!joins_ || options.alone) return session_->run(inputs, outputs, options);
  Call call;
  call.inputs = inputs;
  call.wanted = outputs;
  std::optional<Item> item = describe(call);
  if (!item) return session_->run(inputs, outputs, options);
  call.rows = item->rows;
  call.length = item->length;
  call.arrived = item->arrived = system_clock().now();
  item->client = options.client;
  item->priority = options.priority;
  std::unique_lock lock(mutex_);
  call.id = item->id = next_id_++;
  const Status admitted = planner_.submit(std::move(*item));
  if (!admitted && counters_) counters_->refused.add();
  ACCEL_CHECK(admitted);
  waiting_.emplace(call.id, &call);
  count_waiting();
  Outputs result = wait(lock, call, options.stop);
  lock.unlock();
  if (result) record_spans(call.note, call.arrived, call.began);
  if (options.notes != nullptr && result) options.notes->push_back(call.note);
  return result;
}

Result<std::vector<Tensor>> BatchingSession::wait(std::unique_lock<std::mutex>& lock, Call& call,
                                                  const std::stop_token& stop) {
  const auto nudged = [&call] { return call.nudged; };
  while (!call.result) {
    if (stop.stop_requested() && leave(call)) return cancelled();
    const bool waits = call.phase == Phase::waiting;
    if (const auto plan = waits ? planner_.next(system_clock().now()) : std::nullopt) {
      lead(lock, *plan, stop, call);
      continue;
    }
    call.nudged = false;
    const auto wake_at =
        waits && oldest() == &call ? planner_.wake_at(system_clock().now()) : std::nullopt;
    if (call.wants_to_leave) {
      call.news.wait(lock, nudged);  // Its inputs are being copied.
    } else if (wake_at) {
      (void)call.news.wait_until(lock, stop, *wake_at, nudged);
    } else {
      (void)call.news.wait(lock, stop, nudged);
    }
  }
  return std::move(*call.result);
}

// False while others still read what is the caller's.
bool BatchingSession::leave(Call& call) {
  if (call.phase == Phase::gone) return true;
  if (call.phase == Phase::waiting) {
    (void)planner_.cancel(call.id);
    waiting_.erase(call.id);
    count_waiting();
    wake_oldest();
  } else {
    call.wants_to_leave = true;
    const auto stays = [](const Batch::Part& part) {
      return part.call != nullptr && !part.call->wants_to_leave;
    };
    if (std::ranges::none_of(call.batch->parts, stays)) call.batch->stop.request_stop();
    if (call.phase == Phase::merging) return false;
    std::ranges::find(call.batch->parts, &call, &Batch::Part::call)->call = nullptr;
  }
  call.phase = Phase::gone;
  return true;
}

void BatchingSession::count_waiting() {
  if (counters_) counters_->waiting.set(static_cast<double>(planner_.waiting_rows()));
}

// The oldest whose thread is free to lead; null when all that wait run a batch of others.
BatchingSession::Call* BatchingSession::oldest() {
  const auto found =
      std::ranges::find_if(waiting_, [](const auto& entry) { return !entry.second->leads; });
  return found == waiting_.end() ? nullptr : found->second;
}

void BatchingSession::wake_oldest() {
  if (Call* const call = oldest()) call->nudge();
}

void BatchingSession::lead(std::unique_lock<std::mutex>& lock, const Plan& plan,
                           const std::stop_token& stop, Call& leader) {
  Batch batch;
  batch.plan = plan;
  leader.leads = true;
  const SteadyTime before = system_clock().now();
  for (const ItemId id : plan.ids) {
    Call& call = *waiting_.at(id);
    waiting_.erase(id);
    call.phase = Phase::merging;
    call.batch = &batch;
    call.note.wait_ms = to_ms(before - call.arrived);
    call.began = before;
    if (counters_) counters_->seconds.observe(call.note.wait_ms / 1000);
    batch.parts.push_back({&call, call.rows, call.length});
  }
  count_waiting();
  wake_oldest();
  lock.unlock();
  std::vector<Outputs> outputs;
  {
    const auto on_stop = [this, &leader] {
      const std::scoped_lock guard(mutex_);
      if (leader.phase != Phase::gone) (void)leave(leader);
    };
    const std::stop_callback forward(stop, on_stop);
    outputs = execute(batch);
  }
  lock.lock();
  leader.leads = false;
  planner_.done(plan.ids.size(), system_clock().now());
  if (batch.took) planner_.learn(plan.rows * plan.length, *batch.took);
  publish(batch, std::move(outputs), note_of(plan, system_clock().now() - before));
  wake_oldest();
}

void BatchingSession::publish(Batch& batch, std::vector<Outputs> outputs, const BatchNote& note) {
  for (std::size_t i = 0; i < batch.parts.size(); ++i) {
    Call* const call = batch.parts[i].call;
    if (call == nullptr) continue;
    const double wait_ms = call->note.wait_ms;
    call->note = note;
    call->note.wait_ms = wait_ms;
    call->note.own_rows = call->rows;
    call->result = std::move(outputs[i]);
    call->batch = nullptr;
    call->nudge();
  }
}

BatchNote BatchingSession::note_of(const Plan& plan, Duration took) const {
  BatchNote note;
  note.reason = joins_ ? reason_text(plan.reason) : "the model's rows depend on each other";
  note.requests = plan.ids.size();
  note.clients = plan.clients;
  note.rows = plan.rows;
  if (!options_.rows.padding.empty()) {  // Else rows have no length: nothing of them is a token.
    note.tokens = plan.tokens;
    note.padded_tokens = plan.rows * plan.length;
  }
  note.rows_left = plan.left;
  note.run_ms = to_ms(took);
  if (counters_) {
    counters_->starts.at(plan.reason)->add();
    counters_->rows.observe(static_cast<double>(plan.rows));
    counters_->tokens.add(static_cast<double>(note.tokens));
    counters_->padding.add(static_cast<double>(note.padded_tokens - note.tokens));
  }
  return note;
}

std::vector<Result<std::vector<Tensor>>> BatchingSession::execute(Batch& batch) {
  const auto all_fail = [&](const Error& error) {
    std::vector<Outputs> failed;
    for (std::size_t i = 0; i < batch.parts.size(); ++i) failed.emplace_back(fail(Error(error)));
    return failed;
  };
  try {
    if (const Status joined = join(batch); !joined) return all_fail(joined.error());
    if (batch.parts.size() == 1 || !joins_) return run_each(batch);
    Result<std::vector<Outputs>> together = run_joined(batch);
    if (together)
      return proofs_ < kProofs ? prove(batch, std::move(*together)) : std::move(*together);
    if (together.error().code == Errc::cancelled) return all_fail(together.error());
    return run_each(batch);
  } catch (const std::exception& thrown) {
    return all_fail({Errc::internal, "A batch failed unexpectedly.", thrown.what()});
  }
}

// Copies what is the callers', who may leave from then on.
Status BatchingSession::join(Batch& batch) {
  Call& first = *batch.parts.front().call;
  batch.wanted.assign(first.wanted.begin(), first.wanted.end());
  for (const NamedTensor& input : first.inputs) batch.names.emplace_back(input.name);
  if (batch.parts.size() == 1) return {};
  Status status;
  for (std::size_t index = 0; index < batch.names.size() && status; ++index) {
    std::vector<const Tensor*> values;
    for (const Batch::Part& part : batch.parts) values.push_back(part.call->inputs[index].value);
    const auto padding = options_.rows.padding.find(batch.names[index]);
    const bool padded = padding != options_.rows.padding.end();
    auto whole = join_rows(values, padded ? std::optional(padding->second) : std::nullopt,
                           batch.plan.length);
    if (whole) batch.inputs.push_back(std::move(*whole));
    if (!whole) status = fail(whole.error());
  }
  const std::scoped_lock lock(mutex_);
  for (Batch::Part& part : batch.parts) {
    part.call->phase = part.call->wants_to_leave ? Phase::gone : Phase::running;
    if (!part.call->wants_to_leave) continue;
    part.call->nudge();
    part.call = nullptr;
  }
  return status;
}

Result<std::vector<Result<std::vector<Tensor>>>> BatchingSession::run_joined(Batch& batch) {
  std::vector<NamedTensor> inputs;
  for (std::size_t i = 0; i < batch.names.size(); ++i)
    inputs.push_back({batch.names[i], &batch.inputs[i]});
  const OwnTime time;
  ACCEL_TRY(std::vector<Tensor> outputs,
            session_->run(inputs, batch.wanted, {batch.stop.get_token()}));
  batch.took = time.passed();
  const auto rows = static_cast<std::int64_t>(batch.plan.rows);
  const bool fit = std::ranges::all_of(outputs, [&](const Tensor& output) {
    return !output.shape().empty() && output.shape()[0] == rows;
  });
  if (!fit) {
    stop_joining("an output has another number of rows than the inputs");
    return fail(Errc::unsupported, "The model's rows can't be joined.");
  }
  const std::vector<TensorSpec>& specs = session_->outputs();
  std::vector<Outputs> results;
  std::size_t first = 0;
  for (const Batch::Part& part : batch.parts) {
    std::vector<Tensor> own;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const std::string& name = batch.wanted.empty() ? specs[i].name : batch.wanted[i];
      const bool cut = options_.rows.sequence_outputs.contains(name);
      ACCEL_TRY(Tensor value, part_of(outputs[i], first, part.rows,
                                      cut ? std::optional(part.length) : std::nullopt));
      own.push_back(std::move(value));
    }
    first += part.rows;
    results.emplace_back(std::move(own));
  }
  return results;
}

std::vector<Result<std::vector<Tensor>>> BatchingSession::run_each(Batch& batch) {
  std::vector<Outputs> results;
  for (std::size_t i = 0; i < batch.parts.size(); ++i) results.push_back(run_one(batch, i));
  return results;
}

Result<std::vector<Tensor>> BatchingSession::run_one(Batch& batch, std::size_t index) {
  const RunOptions options{batch.stop.get_token()};
  // A single caller stays until its result is there: leave().
  if (batch.inputs.empty()) {
    const OwnTime time;
    Outputs outputs = session_->run(batch.parts[index].call->inputs, batch.wanted, options);
    if (outputs) batch.took = time.passed();
    return outputs;
  }
  std::size_t first = 0;
  for (std::size_t i = 0; i < index; ++i) first += batch.parts[i].rows;
  const Batch::Part& part = batch.parts[index];
  std::vector<Tensor> values;
  for (std::size_t i = 0; i < batch.names.size(); ++i) {
    const bool cut = options_.rows.padding.contains(batch.names[i]);
    ACCEL_TRY(Tensor value, part_of(batch.inputs[i], first, part.rows,
                                    cut ? std::optional(part.length) : std::nullopt));
    values.push_back(std::move(value));
  }
  std::vector<NamedTensor> inputs;
  for (std::size_t i = 0; i < values.size(); ++i) inputs.push_back({batch.names[i], &values[i]});
  return session_->run(inputs, batch.wanted, options);
}

// Computes each alone as well. Who asked gets that result, so a model whose rows depend on each
// other never gives a wrong one.
std::vector<Result<std::vector<Tensor>>> BatchingSession::prove(Batch& batch,
                                                                std::vector<Outputs> together) {
  std::vector<Outputs> alone = run_each(batch);
  bool same = true;
  for (std::size_t i = 0; i < alone.size(); ++i) {
    if (!alone[i]) return alone;  // It says nothing.
    same =
        same && std::ranges::equal(*alone[i], *together[i], [](const Tensor& a, const Tensor& b) {
          return nearly_equal(a, b, kTolerance);
        });
  }
  if (!same) stop_joining("its rows give other results together than alone");
  if (same) ++proofs_;
  return alone;
}

void BatchingSession::stop_joining(std::string_view why) {
  if (!joins_.exchange(false)) return;
  log::warn("inference", "requests of a model are no longer batched",
            {log::field("model", options_.model), log::field("why", why)});
}

}  // namespace batching

bool can_batch(const Session& session) {
  const auto dynamic = [](const TensorSpec& spec) {
    return spec.rank_known && !spec.dims.empty() && spec.dims[0] == -1 &&
           spec.dtype != tensor::DType::string;
  };
  return !session.inputs().empty() && std::ranges::all_of(session.inputs(), dynamic) &&
         std::ranges::all_of(session.outputs(), dynamic);
}

std::unique_ptr<Session> make_batching_session(std::unique_ptr<Session> session,
                                               BatchingOptions options) {
  return std::make_unique<batching::BatchingSession>(std::move(session), std::move(options));
}

}  // namespace accel::inference
