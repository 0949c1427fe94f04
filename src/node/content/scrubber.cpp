// SPDX-License-Identifier: Apache-2.0
#include "content/scrubber.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <charconv>

#include "accel/core/lock_wait.hpp"
#include "accel/core/log.hpp"
#include "unix_time.hpp"

namespace accel::node {
namespace {

constexpr std::string_view kSpace = "scrub";
constexpr std::string_view kLastRound = "last_end_s";      // Seconds since 1970.
constexpr Duration kLongestPause = std::chrono::hours(1);  // Clocks are set.
constexpr int kLowestPriority = 19;

}  // namespace

Scrubber::Scrubber(blockstore::Store& store, Metrics& metrics, const Clock& clock, ScrubPlan plan)
    : store_(store), metrics_(metrics), clock_(clock), plan_(plan) {
  asio::post(thread_.executor(), [this] { run(); });
}

Scrubber::~Scrubber() {
  stop_.request_stop();
  thread_.stop();
}

void Scrubber::run() {
  ::setpriority(PRIO_PROCESS, 0, kLowestPriority);  // On Linux: of this thread.
  const std::stop_token stop = stop_.get_token();
  while (!stop.stop_requested()) {
    const Duration wait = until_due();
    if (wait > Duration::zero()) {
      if (!pause_for(std::min(wait, kLongestPause), stop)) return;
      continue;
    }
    scrub();
  }
}

// A store that was never scrubbed waits one interval: a daemon that starts has other things to do.
Duration Scrubber::until_due() const {
  const auto text = store_.kv_get(kSpace, kLastRound);
  std::int64_t last = 0;
  if (text && *text) std::from_chars((*text)->data(), (*text)->data() + (*text)->size(), last);
  if (last == 0) {
    const Status begun = store_.kv_put(kSpace, kLastRound, std::to_string(unix_seconds(clock_)));
    return begun ? plan_.interval : kLongestPause;
  }
  return plan_.interval - std::chrono::seconds(unix_seconds(clock_) - last);
}

void Scrubber::scrub() {
  blockstore::VerifyOptions options;
  options.distrust = true;
  options.bytes_per_second = plan_.bytes_per_second;
  options.stop = stop_.get_token();
  Counter& blocks = metrics_.counter("accel_store_scrub_blocks_total", "Blocks that were hashed");
  std::uint64_t told = 0;
  options.on_progress = [&](std::uint64_t done, std::uint64_t) {
    blocks.add(static_cast<double>(done - told));
    told = done;
  };
  const auto report = store_.verify(options);
  if (!report) {
    if (report.error().code == Errc::cancelled) return;
    log::warn("node", "A round of the scrubber failed.",
              {log::field("cause", report.error().message)});
  } else {
    metrics_.gauge("accel_store_damaged_blocks", "Found by the last round of the scrubber")
        .set(static_cast<double>(report->bad_total));
    if (report->bad_total > 0) {
      log::warn("node", "The scrubber found damage; `repair` fetches it again.",
                {log::field("blocks", report->bad_total),
                 log::field("first", report->bad.front().message)});
    }
  }
  const Status noted = store_.kv_put(kSpace, kLastRound, std::to_string(unix_seconds(clock_)));
  if (!noted) static_cast<void>(pause_for(kLongestPause, stop_.get_token()));
}

}  // namespace accel::node
