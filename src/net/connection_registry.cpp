// SPDX-License-Identifier: Apache-2.0
#include "connection_registry.hpp"

#include <poll.h>

#include <utility>

namespace accel::net {
namespace {

#ifdef POLLRDHUP
constexpr short kPeerLeft = POLLRDHUP;
#else
constexpr short kPeerLeft = 0;  // Only a broken connection is seen there.
#endif

// True when the client closed its side or the connection broke. One look, no waiting. A client that
// closes only its sending side and still wants the answer is taken for gone, as other servers do.
bool is_peer_gone(int fd) {
  pollfd look{fd, kPeerLeft, 0};
  return ::poll(&look, 1, 0) > 0 && (look.revents & (kPeerLeft | POLLHUP | POLLERR)) != 0;
}

SteadyTime waits_since(const ConnectionWatch& watch) {
  if (watch.is_stranger()) return watch.opened();
  return watch.phase() == Phase::idle ? watch.since() : SteadyTime::max();
}

SteadyTime head_since(const ConnectionWatch& watch) {
  return watch.phase() == Phase::head ? watch.since() : SteadyTime::max();
}

bool is_request_phase(Phase phase) { return phase != Phase::idle && phase != Phase::closing; }

}  // namespace

ConnectionRegistry::Entry::Entry(ConnectionRegistry& registry, Open open) : registry_(registry) {
  const std::lock_guard lock(registry_.mutex_);
  place_ = registry_.open_.insert(registry_.open_.end(), std::move(open));
}

ConnectionRegistry::Entry::~Entry() {
  const std::lock_guard lock(registry_.mutex_);
  registry_.open_.erase(place_);
}

std::size_t ConnectionRegistry::size() const {
  const std::lock_guard lock(mutex_);
  return open_.size();
}

std::vector<ConnectionRegistry::Judged> ConnectionRegistry::judge_all(SteadyTime now,
                                                                      bool draining) const {
  std::vector<Judged> verdicts;
  const std::lock_guard lock(mutex_);
  for (const Open& open : open_) {
    WatchView view = open.watch->view();
    view.draining = draining;
    view.peer_gone = is_our_turn(view.phase) && !view.asked_to_stop && is_peer_gone(open.fd);
    const Decision decision = judge(view, now);
    if (decision.verdict == Verdict::keep) continue;
    verdicts.push_back({open.watch, decision, view.phase});
  }
  return verdicts;
}

std::size_t ConnectionRegistry::tick(SteadyTime now, bool draining) {
  std::size_t late = 0;
  for (const Judged& one : judge_all(now, draining)) {
    const bool first_time = !one.watch->asked_to_stop();
    const bool by_deadline = one.decision.cause == Cause::deadline && is_request_phase(one.phase);
    if (first_time && by_deadline) ++late;
    if (one.decision.verdict == Verdict::cut) one.watch->cut(one.decision.cause);
    if (one.decision.verdict == Verdict::ask_to_stop) {
      one.watch->ask_to_stop(one.decision.cause, now);
    }
  }
  return late;
}

// null when there is none.
std::shared_ptr<ConnectionWatch> ConnectionRegistry::longest(Since since) const {
  std::shared_ptr<ConnectionWatch> found;
  SteadyTime first = SteadyTime::max();
  const std::lock_guard lock(mutex_);
  for (const Open& open : open_) {
    const SteadyTime began = since(*open.watch);
    if (began >= first || open.watch->was_cut()) continue;
    first = began;
    found = open.watch;
  }
  return found;
}

bool ConnectionRegistry::make_room() {
  auto first = longest(&waits_since);
  if (!first) first = longest(&head_since);
  if (!first) return false;
  // Who is in the middle of a request is told, as one that is late.
  first->cut(is_request_phase(first->phase()) ? Cause::deadline : Cause::shutdown);
  return true;
}

void ConnectionRegistry::ask_all_to_stop(SteadyTime now) {
  std::vector<std::shared_ptr<ConnectionWatch>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const Open& open : open_) all.push_back(open.watch);
  }
  for (const auto& watch : all) watch->ask_to_stop(Cause::shutdown, now);
}

}  // namespace accel::net
