// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sends spans to a receiver of OTLP, in batches, behind the backs of the requests: who ends a span
// puts it into a queue that never makes anybody wait; what finds no room is dropped and counted.
// A receiver that is not there, or asks for a pause, is asked again with growing waits. Used by
// ApiServer. Threads: SpanQueue::put() from any; the exporter has a thread of its own.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "accel/core/async/io.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/metrics.hpp"
#include "accel/core/trace.hpp"
#include "accel/net/http_client.hpp"
#include "accel/server/telemetry.hpp"
#include "telemetry/otlp_json.hpp"

namespace accel::server {

// What waits to be sent.
class SpanQueue {
 public:
  // `on_batch` is called, on any thread, when a batch has come together.
  SpanQueue(std::size_t max_spans, std::size_t batch, std::function<void()> on_batch)
      : max_(max_spans), batch_(batch), on_batch_(std::move(on_batch)) {}

  void put(trace::SpanRecord span);
  // The oldest, at most so many.
  std::vector<trace::SpanRecord> take(std::size_t count);
  // Dropped for want of room since the last call.
  std::uint64_t take_dropped();
  void close();  // What comes from now on is dropped, and nobody is called any more.

 private:
  const std::size_t max_, batch_;
  std::mutex mutex_;
  std::function<void()> on_batch_;
  std::vector<trace::SpanRecord> spans_;
  std::uint64_t dropped_ = 0;
};

class SpanExporter {
 public:
  static constexpr int kAttempts = 5;                              // Of one batch.
  static constexpr Duration kMaxWait = std::chrono::seconds(30);   // Between two of them.
  static constexpr Duration kLastWords = std::chrono::seconds(5);  // For what waits at the end.

  // `metrics` must outlive it.
  SpanExporter(TelemetryOptions options, Metrics& metrics);
  // Sends what waits, for at most kLastWords.
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // Where spans go. Owners: the exporter, and the tracer, whose last spans may outlive it.
  const std::shared_ptr<SpanQueue>& queue() const { return queue_; }

 private:
  struct Counters;
  enum class Outcome { sent, refused, again };

  Task<void> run();
  Task<void> send_all();
  Task<void> send(std::vector<trace::SpanRecord> batch);
  Task<Outcome> attempt(const std::string& body, std::size_t spans);  // Of the awaiter.
  Task<void> wait(Duration time, bool for_batch);
  void tell(const std::string& trouble);
  void wake();

  TelemetryOptions options_;
  otlp::Resource resource_;
  std::unique_ptr<Counters> counters_;
  IoThread io_{1, "telemetry"};
  net::HttpClient client_;
  asio::steady_timer timer_;
  std::shared_ptr<SpanQueue> queue_;
  std::atomic<bool> stopping_{false};
  std::optional<Duration> pause_;  // That the receiver asked for.
  bool troubled_ = false;          // And told so.
  TaskGroup tasks_;                // Uses all of the above.
};

}  // namespace accel::server
