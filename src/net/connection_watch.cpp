// SPDX-License-Identifier: Apache-2.0
#include "connection_watch.hpp"

namespace accel::net {
namespace {

std::int64_t to_ticks(SteadyTime time) { return time.time_since_epoch().count(); }
SteadyTime from_ticks(std::int64_t ticks) { return SteadyTime{SteadyTime::duration(ticks)}; }

}  // namespace

Decision judge(const WatchView& view, SteadyTime now) {
  if (view.draining && view.phase == Phase::idle) return {Verdict::cut, Cause::shutdown};
  const bool late = now >= view.deadline;
  if (view.asked_to_stop) return {late ? Verdict::cut : Verdict::keep, Cause::deadline};
  if (view.peer_gone && is_our_turn(view.phase)) return {Verdict::ask_to_stop, Cause::client_gone};
  if (!late) return {};
  return {view.phase == Phase::handling ? Verdict::ask_to_stop : Verdict::cut, Cause::deadline};
}

void ConnectionWatch::enter(Phase phase, SteadyTime now, SteadyTime deadline) {
  since_.store(to_ticks(now), std::memory_order_relaxed);
  if (opened_.load(std::memory_order_relaxed) == kNever) {
    opened_.store(to_ticks(now), std::memory_order_relaxed);
  }
  set_deadline(deadline);
  phase_.store(phase, std::memory_order_relaxed);
}

void ConnectionWatch::set_deadline(SteadyTime deadline) {
  deadline_.store(to_ticks(deadline), std::memory_order_relaxed);
}

SteadyTime ConnectionWatch::since() const {
  return from_ticks(since_.load(std::memory_order_relaxed));
}

SteadyTime ConnectionWatch::opened() const {
  return from_ticks(opened_.load(std::memory_order_relaxed));
}

WatchView ConnectionWatch::view() const {
  WatchView view;
  view.phase = phase();
  view.deadline = from_ticks(deadline_.load(std::memory_order_relaxed));
  view.asked_to_stop = asked_to_stop();
  return view;
}

void ConnectionWatch::keep_cause(Cause cause) {
  Cause none = Cause::none;
  cause_.compare_exchange_strong(none, cause, std::memory_order_relaxed);
}

void ConnectionWatch::ask_to_stop(Cause cause, SteadyTime now) {
  keep_cause(cause);
  set_deadline(now + kStopGrace);
  request_stop_.request_stop();
}

void ConnectionWatch::cut(Cause cause) {
  keep_cause(cause);
  request_stop_.request_stop();
  cut_.request_stop();
}

}  // namespace accel::net
