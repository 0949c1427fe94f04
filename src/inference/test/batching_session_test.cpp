// SPDX-License-Identifier: Apache-2.0
// The shell of dynamic batching over a session of known arithmetic at the device seam.
#include "accel/inference/batching.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <thread>

#include "accel/core/random.hpp"
#include "accel/core/trace.hpp"
#include "batching/tensor_rows.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;

constexpr std::int64_t kPoison = -7;  // A row that holds it makes its run fail.

// hidden[r, s] = 10 * ids[r, s] + bias, where bias is 0 or, for a model whose rows depend on each
// other, the number of rows.
class Model final : public Session {
 public:
  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  const SessionInfo& info() const override { return info_; }

  Result<std::vector<Tensor>> run(std::span<const NamedTensor> inputs, std::span<const std::string>,
                                  const RunOptions& options) override {
    const Tensor& ids = *inputs[0].value;
    ++runs;
    if (gate) ACCEL_CHECK(pass(options.stop));
    largest = std::max<std::int64_t>(largest, ids.shape()[0]);
    ACCEL_TRY(Tensor hidden, Tensor::zeros(DType::f32, tensor::Shape(ids.shape())));
    const auto out = hidden.mutable_data<float>();
    const auto in = ids.data<std::int64_t>();
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (in[i] == kPoison) return fail(Errc::internal, "The engine can't compute this row.");
      out[i] = static_cast<float>(10 * in[i] + (depends ? ids.shape()[0] : 0));
    }
    std::vector<Tensor> result;
    result.push_back(std::move(hidden));
    return result;
  }

  // Runs wait here until open() or their stop.
  Status pass(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (gates_.wait(lock, stop, [this] { return is_open; })) return {};
    return fail(Errc::cancelled, "Stopped.");
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    is_open = true;
    gates_.notify_all();
  }

  std::atomic<int> runs = 0;
  std::atomic<std::int64_t> largest = 0;
  bool gate = false;
  bool is_open = false;
  bool depends = false;

 private:
  std::vector<TensorSpec> inputs_{{"ids", DType::i64, {-1, -1}, true}};
  std::vector<TensorSpec> outputs_{{"hidden", DType::f32, {-1, -1}, true}};
  SessionInfo info_;
  std::mutex mutex_;
  std::condition_variable_any gates_;
};

struct Batched {
  std::unique_ptr<Metrics> metrics = std::make_unique<Metrics>();
  Model* model = nullptr;
  std::unique_ptr<Session> session = {};

  // What the session says of its queue: rows that wait, requests that it refused.
  double waiting() const {
    return metrics->gauge("accel_batch_waiting_rows", "", {{"model", "m"}}).value();
  }
  double refused() const {
    return metrics->counter("accel_batch_refused_total", "", {{"model", "m"}}).value();
  }
};

Batched batched(bool prove, std::size_t max_waiting = 1024) {
  auto model = std::make_unique<Model>();
  Batched batch;
  batch.model = model.get();
  BatchingOptions options;
  options.metrics = batch.metrics.get();
  options.model = "m";
  options.limits.max_waiting = max_waiting;
  options.rows.padding = {{"ids", 0}};
  options.rows.sequence_outputs = {"hidden"};
  options.rows.prove = prove;
  batch.session = make_batching_session(std::move(model), std::move(options));
  return batch;
}

Result<std::vector<float>> ask(Session& session, std::vector<std::int64_t> ids,
                               const RunOptions& options = {}) {
  const auto length = static_cast<std::int64_t>(ids.size());
  ACCEL_TRY(const Tensor tensor, Tensor::copy_of<std::int64_t>({1, length}, ids));
  const NamedTensor input{"ids", &tensor};
  ACCEL_TRY(const auto outputs, session.run({&input, 1}, {}, options));
  if (outputs[0].shape() != tensor::Shape{1, length})
    return fail(Errc::internal, "Not the caller's own shape.");
  const auto values = outputs[0].data<float>();
  return std::vector<float>(values.begin(), values.end());
}

template <class Condition>
void wait_for(Condition condition) {
  while (!condition()) std::this_thread::yield();
}

// One request holds the run while `others` come; then all run.
void hold_up(Batched& batch, const std::vector<std::function<void()>>& others) {
  batch.model->gate = true;
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { EXPECT_TRUE(ask(*batch.session, {1})); });
  wait_for([&] { return batch.model->runs == 1; });
  for (const auto& other : others) threads.emplace_back(other);
  wait_for([&] { return batch.waiting() + batch.refused() == double(others.size()); });
  batch.model->open();
}

TEST(BatchingSession, tells_a_trace_how_long_a_call_waited_and_ran) {
  const Batched batch = batched(/*prove=*/false);
  std::vector<trace::SpanRecord> spans;
  const auto tracer =
      trace::Tracer::make(system_clock(), system_random(), 1,
                          [&](trace::SpanRecord span) { spans.push_back(std::move(span)); });
  const trace::Span request = tracer->start_request("request", {}, {});
  const trace::Scope in(request.link());
  ASSERT_TRUE(ask(*batch.session, {1, 2, 3}));
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].name, "wait for a batch");
  EXPECT_EQ(spans[1].name, "run a batch");
  EXPECT_EQ(spans[1].parent, request.link()->context.span_id);
  EXPECT_LE(spans[0].begin, spans[0].end);
  EXPECT_EQ(spans[1].attributes.at(0), trace::Attribute("accel.batch.rows", std::int64_t{1}));
}

TEST(BatchingSession, gives_each_caller_its_own_rows) {
  Batched batch = batched(false);
  std::atomic<std::size_t> most = 0;
  {
    std::vector<std::jthread> threads;
    for (std::int64_t number = 0; number < 16; ++number) {
      threads.emplace_back([&, number] {
        for (std::int64_t turn = 0; turn < 50; ++turn) {
          std::vector<BatchNote> notes;
          std::vector<std::int64_t> ids(static_cast<std::size_t>(1 + (number + turn) % 5), number);
          const auto values = ask(*batch.session, ids, {{}, "c", &notes});
          ASSERT_TRUE(values) << values.error().to_string();
          for (const float value : *values) EXPECT_EQ(value, static_cast<float>(10 * number));
          ASSERT_EQ(notes.size(), 1U);
          most = std::max(most.load(), notes[0].requests);
        }
      });
    }
  }
  EXPECT_LE(batch.model->runs, 800);
  EXPECT_GE(batch.model->runs, 800 / 32);
}

TEST(BatchingSession, runs_what_came_meanwhile_together_and_says_so) {
  Batched batch = batched(false);
  std::vector<BatchNote> notes[3];
  std::vector<std::function<void()>> others;
  for (std::int64_t i = 0; i < 3; ++i) {
    others.push_back([&, i] {
      const auto values = ask(*batch.session, {i, i}, {{}, "c", &notes[i]});
      EXPECT_EQ(values.value_or(std::vector<float>()), std::vector<float>(2, float(10 * i)));
    });
  }
  hold_up(batch, others);
  EXPECT_EQ(batch.model->largest, 3);
  EXPECT_EQ(notes[0][0].requests, 3U);
  EXPECT_EQ(notes[0][0].rows, 3U);
  EXPECT_EQ(notes[0][0].padded_tokens, 6U);
  EXPECT_GT(notes[0][0].wait_ms, 0);
}

TEST(BatchingSession, lets_only_the_guilty_request_of_a_batch_fail) {
  Batched batch = batched(false);
  std::vector<std::function<void()>> others;
  others.push_back([&] { EXPECT_TRUE(ask(*batch.session, {5})); });
  others.push_back([&] { EXPECT_FALSE(ask(*batch.session, {kPoison})); });
  others.push_back([&] { EXPECT_TRUE(ask(*batch.session, {6, 6})); });
  hold_up(batch, others);
}

TEST(BatchingSession, never_gives_a_result_that_depends_on_other_requests) {
  Batched batch = batched(true);
  batch.model->depends = true;
  std::vector<std::function<void()>> others;
  for (int i = 0; i < 4; ++i) {
    others.push_back([&] {
      for (int turn = 0; turn < 20; ++turn)
        EXPECT_EQ(ask(*batch.session, {2}).value_or(std::vector<float>()), std::vector<float>{21});
    });
  }
  hold_up(batch, others);
}

TEST(BatchingSession, lets_a_caller_leave_while_it_waits_and_while_it_runs) {
  Batched batch = batched(false);
  batch.model->gate = true;
  std::stop_source first_stop;
  std::stop_source second_stop;
  const auto stopped = [&](std::stop_source& source) {
    const auto result = ask(*batch.session, {1}, {source.get_token()});
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Errc::cancelled);
  };
  std::jthread first([&] { stopped(first_stop); });
  wait_for([&] { return batch.model->runs == 1; });
  std::jthread second([&] { stopped(second_stop); });
  wait_for([&] { return batch.waiting() == 1; });
  second_stop.request_stop();
  second.join();
  EXPECT_EQ(batch.model->runs, 1) << "it never ran";
  first_stop.request_stop();
  first.join();
  batch.model->open();
  EXPECT_TRUE(ask(*batch.session, {1})) << "the run is free again";
}

TEST(BatchingSession, goes_on_for_the_others_when_one_of_a_batch_leaves) {
  Batched batch = batched(false);
  batch.model->gate = true;
  std::vector<std::jthread> threads;
  std::stop_source stop;
  threads.emplace_back([&] { EXPECT_FALSE(ask(*batch.session, {1}, {stop.get_token()})); });
  wait_for([&] { return batch.model->runs == 1; });
  std::stop_source leaving;
  // It may be the one that leads, or have its result before it sees the stop: both are right.
  threads.emplace_back([&] { (void)ask(*batch.session, {2}, {leaving.get_token()}); });
  threads.emplace_back([&] { EXPECT_TRUE(ask(*batch.session, {3})); });
  threads.emplace_back([&] { EXPECT_TRUE(ask(*batch.session, {4, 4})); });
  wait_for([&] { return batch.waiting() == 3; });
  stop.request_stop();
  wait_for([&] { return batch.model->runs == 2; });
  leaving.request_stop();
  batch.model->open();
}

TEST(BatchingSession, refuses_what_is_too_much) {
  Batched batch = batched(false, 4);
  std::atomic<int> refused = 0;
  std::vector<std::function<void()>> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back([&] {
      const auto result = ask(*batch.session, {1});
      if (result) return;
      EXPECT_EQ(result.error().code, Errc::resource_exhausted);
      ++refused;
    });
  }
  hold_up(batch, others);
  EXPECT_EQ(refused, 3) << "half of the queue is for other clients";
}

TEST(BatchingSession, refuses_inputs_as_the_session_does) {
  Batched batch = batched(false);
  const auto wrong = Tensor::of<float>({1, 1}, {1.0F});
  const NamedTensor input{"ids", &*wrong};
  const auto result = batch.session->run({&input, 1}, {}, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::invalid_argument);
  EXPECT_EQ(batch.model->runs, 0);
}

TEST(TensorRows, joins_with_padding_and_cuts_back) {
  const auto a = Tensor::of<std::int64_t>({1, 2}, {1, 2});
  const auto b = Tensor::of<std::int64_t>({2, 3}, {3, 4, 5, 6, 7, 8});
  const Tensor* const parts[] = {&*a, &*b};
  auto whole = batching::join_rows(parts, 9, 4);
  ASSERT_TRUE(whole);
  const std::vector<std::int64_t> expected{1, 2, 9, 9, 3, 4, 5, 9, 6, 7, 8, 9};
  EXPECT_TRUE(std::ranges::equal(whole->data<std::int64_t>(), expected));
  const auto part = batching::part_of(*whole, 1, 2, 3);
  ASSERT_TRUE(part);
  EXPECT_TRUE(std::ranges::equal(part->data<std::int64_t>(), b->data<std::int64_t>()));
  EXPECT_FALSE(batching::part_of(*whole, 2, 2, std::nullopt)) << "out of range";
  EXPECT_FALSE(batching::join_rows(parts, std::nullopt, 0)) << "other columns";
  EXPECT_FALSE(batching::join_rows(parts, 0, 2)) << "longer than the whole";
}

TEST(TensorRows, calls_values_equal_that_differ_by_rounding) {
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  const auto a = Tensor::of<float>({3}, {1, 1000, nan});
  const auto b = Tensor::of<float>({3}, {1.0005F, 1000.5F, nan});
  const auto c = Tensor::of<float>({3}, {1, 1000, 1});
  EXPECT_TRUE(batching::nearly_equal(*a, *b, 1e-3));
  EXPECT_FALSE(batching::nearly_equal(*a, *b, 1e-5));
  EXPECT_FALSE(batching::nearly_equal(*a, *c, 1e-3));
}

}  // namespace
}  // namespace accel::inference
