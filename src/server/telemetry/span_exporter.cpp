// SPDX-License-Identifier: Apache-2.0
#include "telemetry/span_exporter.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>

#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "accel/node/build_info.hpp"

namespace accel::server {
namespace {

constexpr std::uint64_t kMaxReply = 64U << 10U;
// Those that the specification of OTLP/HTTP calls retryable.
constexpr std::array kPassing{429, 502, 503, 504};

std::optional<Duration> retry_after(const net::HttpReply& reply) {
  const std::string_view text = reply.headers.get_or("Retry-After", "");
  int seconds = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (read.ec != std::errc{} || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

}  // namespace

void SpanQueue::put(trace::SpanRecord span) {
  const std::scoped_lock lock(mutex_);
  if (spans_.size() >= max_ || !on_batch_) {
    ++dropped_;
    return;
  }
  spans_.push_back(std::move(span));
  if (spans_.size() == batch_) on_batch_();
}

std::vector<trace::SpanRecord> SpanQueue::take(std::size_t count) {
  const std::scoped_lock lock(mutex_);
  if (spans_.size() <= count) return std::exchange(spans_, {});
  const auto end = spans_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<trace::SpanRecord> taken(std::move_iterator(spans_.begin()), std::move_iterator(end));
  spans_.erase(spans_.begin(), end);
  return taken;
}

std::uint64_t SpanQueue::take_dropped() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(dropped_, 0);
}

void SpanQueue::close() {
  const std::scoped_lock lock(mutex_);
  on_batch_ = nullptr;
}

struct SpanExporter::Counters {
  explicit Counters(Metrics& metrics)
      : sent(metrics.counter("accel_telemetry_spans_sent_total",
                             "Spans that a receiver of traces has taken")),
        full(dropped(metrics, "queue_full")),
        refused(dropped(metrics, "refused")),
        unreachable(dropped(metrics, "unreachable")) {}
  static Counter& dropped(Metrics& metrics, const char* reason) {
    return metrics.counter("accel_telemetry_spans_dropped_total",
                           "Spans that went nowhere: too many waited, the receiver refused them, "
                           "or was not there",
                           {{"reason", reason}});
  }
  Counter& sent;
  Counter& full;
  Counter& refused;
  Counter& unreachable;
};

SpanExporter::SpanExporter(TelemetryOptions options, Metrics& metrics)
    : options_(std::move(options)),
      resource_{options_.service_name, std::string(node::kVersion),
                random_hex(system_random(), 16)},
      counters_(std::make_unique<Counters>(metrics)),
      client_(io_.executor()),
      timer_(io_.executor()),
      queue_(
          std::make_shared<SpanQueue>(options_.max_queue, options_.max_batch, [this] { wake(); })),
      tasks_(io_.executor(), "telemetry") {
  tasks_.spawn(run());
}

SpanExporter::~SpanExporter() {
  queue_->close();
  stopping_ = true;
  wake();
  auto joining = with_timeout(tasks_.join(), kLastWords);
  (void)sync_wait(io_.executor(), std::move(joining));
  io_.stop();
}

void SpanExporter::wake() {
  asio::post(io_.executor(), [this] { timer_.cancel(); });
}

// Ends early when the exporter stops, and with `for_batch` when a batch has come together.
Task<void> SpanExporter::wait(Duration time, bool for_batch) {
  const SteadyTime until = system_clock().now() + time;
  while (!stopping_ && system_clock().now() < until) {
    timer_.expires_at(until);
    auto waiting = timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_await std::move(waiting);
    if (for_batch) break;
  }
  co_return Status{};
}

Task<void> SpanExporter::run() {
  while (true) {
    const bool last = stopping_;
    auto waiting = wait(options_.interval, /*for_batch=*/true);
    const Status waited = co_await std::move(waiting);
    if (!waited) co_return waited;
    auto sending = send_all();
    const Status sent = co_await std::move(sending);
    if (last || !sent) co_return sent;
  }
}

Task<void> SpanExporter::send_all() {
  while (true) {
    std::vector<trace::SpanRecord> batch = queue_->take(options_.max_batch);
    counters_->full.add(static_cast<double>(queue_->take_dropped()));
    if (batch.empty()) co_return Status{};
    auto sending = send(std::move(batch));
    const Status sent = co_await std::move(sending);
    if (!sent) co_return sent;
  }
}

Task<void> SpanExporter::send(std::vector<trace::SpanRecord> batch) {
  const std::size_t spans = batch.size();
  const std::string body = otlp::traces_request(batch, resource_);
  batch.clear();
  Duration pause = options_.first_wait;
  for (int count = 1;; ++count) {
    auto trying = attempt(body, spans);
    const Result<Outcome> outcome = co_await std::move(trying);
    if (!outcome) co_return fail(outcome.error());
    if (*outcome != Outcome::again) co_return Status{};
    if (count == kAttempts || stopping_) break;
    // Somewhere in the second half of the pause, so that nodes that lost their receiver together
    // do not come back together.
    const auto half = static_cast<std::uint64_t>((pause / 2).count()) + 1;
    const Duration jittered =
        pause / 2 + Duration(static_cast<std::int64_t>(system_random().below(half)));
    const Duration asked = pause_.value_or(Duration::zero());
    auto waiting = wait(std::min(std::max(jittered, asked), kMaxWait), /*for_batch=*/false);
    const Status waited = co_await std::move(waiting);
    if (!waited) co_return waited;
    pause = std::min(pause * 2, kMaxWait);
  }
  counters_->unreachable.add(static_cast<double>(spans));
  co_return Status{};
}

Task<SpanExporter::Outcome> SpanExporter::attempt(const std::string& body, std::size_t spans) {
  net::HttpCall call;
  call.method = "POST";
  call.headers = options_.headers;
  call.headers.set("Content-Type", "application/json");
  call.body = body;
  call.max_body_bytes = kMaxReply;
  call.follow_redirects = false;  // Headers may be keys: they go where the user said.
  call.total_timeout = options_.timeout;
  auto asking = client_.request(options_.url, std::move(call));
  const Result<net::HttpReply> reply = co_await std::move(asking);
  pause_.reset();
  if (!reply) {
    if (reply.error().code == Errc::cancelled) co_return fail(reply.error());
    tell(reply.error().to_string());
    co_return Outcome::again;
  }
  if (reply->ok()) {
    troubled_ = false;
    const std::uint64_t lost = std::min<std::uint64_t>(otlp::rejected_spans(reply->body), spans);
    counters_->sent.add(static_cast<double>(spans - lost));
    counters_->refused.add(static_cast<double>(lost));
    co_return Outcome::sent;
  }
  tell(net::reply_error(*reply).to_string());
  pause_ = retry_after(*reply);
  if (std::ranges::find(kPassing, reply->status) != kPassing.end()) co_return Outcome::again;
  counters_->refused.add(static_cast<double>(spans));
  co_return Outcome::refused;
}

// Once, until it works again.
void SpanExporter::tell(const std::string& trouble) {
  if (std::exchange(troubled_, true)) return;
  log::warn("telemetry", "traces can't be sent",
            {log::field("receiver", options_.url.origin()), log::field("error", trouble)});
}

}  // namespace accel::server
