// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/fetcher.hpp"

#include <boost/asio/this_coro.hpp>
#include <utility>

#include "accel/core/async/task_group.hpp"
#include "pull_session.hpp"

namespace accel::exchange {
namespace {

void count(Metrics& metrics, const PullReport& report) {
  const auto add = [&metrics](const char* what, std::uint64_t bytes) {
    metrics
        .counter("accel_exchange_bytes_total", "Bytes of pulls by what became of them.",
                 {{"kind", what}})
        .add(static_cast<double>(bytes));
  };
  add("fetched", report.bytes_fetched);
  add("reused", report.bytes_reused);
  add("duplicate", report.bytes_duplicate);
  add("rejected", report.bytes_rejected);
}

}  // namespace

Fetcher::Fetcher(blockstore::Store& store, net::HttpClient& client, OffloadPool& pool,
                 const Clock& clock, Metrics& metrics)
    : store_(store),
      client_(client),
      pool_(pool),
      clock_(clock),
      metrics_(metrics),
      downloads_(std::make_unique<DownloadBudget>()) {}
Fetcher::~Fetcher() = default;

void Fetcher::limit(std::uint64_t bytes_per_second) {
  downloads_ = std::make_unique<DownloadBudget>(bytes_per_second);
}

// The session runs beside this coroutine, so that a cancelled caller still waits until nothing of
// it runs: it is told to stop, and says when it has.
Task<PullReport> Fetcher::pull(ipld::Cid root, PullOptions options) {
  const bool throwing = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const Executor executor = co_await asio::this_coro::executor;
  PullSession session(executor, {store_, client_, pool_, clock_, *downloads_, bitswap_}, root,
                      std::move(options));
  TaskGroup runner(executor, "pull");
  runner.spawn(session.main());
  std::function<void()> on_cancel = [&session] { session.stop(); };
  const asio::cancellation_state before = co_await asio::this_coro::cancellation_state;
  if (before.cancelled() != asio::cancellation_type::none) on_cancel();
  auto ended = session.ended().wait(std::move(on_cancel));
  co_await std::move(ended);
  co_await asio::this_coro::throw_if_cancelled(throwing);
  Result<PullReport> report = session.take_result();
  const std::string outcome = report ? "ok" : std::string(errc_name(report.error().code));
  metrics_.counter("accel_exchange_pulls_total", "Pulls by outcome.", {{"outcome", outcome}}).add();
  if (report) count(metrics_, *report);
  co_return report;
}

}  // namespace accel::exchange
