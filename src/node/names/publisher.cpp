// SPDX-License-Identifier: Apache-2.0
#include "names/publisher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "accel/core/log.hpp"
#include "names/renewal.hpp"

namespace accel::node {
namespace {

// Other processes of the home publish, too, and clocks are set.
constexpr Duration kLongestPause = std::chrono::minutes(1);
constexpr Duration kShortestPause = std::chrono::seconds(1);

}  // namespace

Publisher::Publisher(const Home& home, blockstore::Store& store, Metrics& metrics,
                     const Clock& clock, PublisherPlan plan)
    : home_(home), store_(store), metrics_(metrics), clock_(clock), plan_(std::move(plan)) {
  asio::post(thread_.executor(), [this] { run(); });
}

Publisher::~Publisher() {
  stop_.request_stop();
  thread_.stop();
}

void Publisher::look_again() {
  {
    const std::scoped_lock lock(mutex_);
    look_ = true;
  }
  changed_.notify_all();
}

void Publisher::run() {
  const std::stop_token stop = stop_.get_token();
  while (!stop.stop_requested()) {
    const Duration wait = std::clamp(renew_due(), kShortestPause, kLongestPause);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, wait, [this] { return look_; });
    look_ = false;
  }
}

Duration Publisher::renew_due() {
  const auto all = publications(store_);
  if (!all) {
    log::warn("node", "What is published can't be read.",
              {log::field("cause", all.error().message)});
    return kLongestPause;
  }
  Duration next = kLongestPause;
  for (const auto& [name, publication] : *all) {
    if (stop_.stop_requested()) break;
    const auto left = renew_at(publication, plan_.interval) - clock_.wall_now();
    if (left <= Duration::zero()) {
      renew(name, publication);
    } else {
      next = std::min(next, std::chrono::duration_cast<Duration>(left));
    }
  }
  return next;
}

void Publisher::renew(const ipld::IpnsName& name, const Publication& publication) {
  const auto key = Keys(home_).find(name.to_string());
  if (!key && key.error().code == Errc::not_found) {
    log::warn("node", "A name is renewed no more: its key is gone.",
              {log::field("name", name.to_string())});
    (void)forget_publication(store_, name);  // Tried again at the next look.
    return;
  }
  const auto signed_anew = key ? sign_again(home_, store_, *key, publication, clock_.wall_now())
                               : Result<std::optional<SignedRecord>>(fail(Error(key.error())));
  if (!signed_anew) {
    log::warn(
        "node", "A name could not be signed anew.",
        {log::field("name", name.to_string()), log::field("cause", signed_anew.error().message)});
    return;
  }
  const auto& made = *signed_anew;
  if (!made) return;  // Published meanwhile: there is nothing to renew.
  const std::size_t taken = plan_.put ? plan_.put(name, made->bytes, stop_.get_token()) : 0;
  metrics_.counter("accel_names_renewed_total", "IPNS records that were signed anew").add(1);
  log::info("node", "A name was signed anew.",
            {log::field("name", name.to_string()), log::field("sequence", made->record.sequence),
             log::field("places", taken)});
}

}  // namespace accel::node
