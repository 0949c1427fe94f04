// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the server's ticker sees of a connection, and what it decides. A connection sets its phase
// and deadline with two atomic stores; no timer is armed for a request, so that the fast path pays
// nothing. One ticker reads all connections a few times a second. The decision is a pure function.

#include <atomic>
#include <cstdint>
#include <limits>
#include <stop_token>

#include "accel/core/clock.hpp"

namespace accel::net {

enum class Phase : std::uint8_t {
  idle,      // Between requests.
  head,      // Part of a request's head has arrived.
  body,      // The body is arriving.
  handling,  // The handler works.
  sending,   // The response is on its way.
  stream,    // The handler's StreamBody is making the body.
  closing,   // We said all; the client may read the rest and close.
};

enum class Verdict : std::uint8_t {
  keep,
  ask_to_stop,  // Stop the request's token; the handler may still answer.
  cut,          // End the connection.
};

enum class Cause : std::uint8_t { none, deadline, client_gone, shutdown };

struct Decision {
  Verdict verdict = Verdict::keep;
  Cause cause = Cause::none;
  bool operator==(const Decision&) const = default;
};

// The state at one moment.
struct WatchView {
  Phase phase = Phase::idle;
  SteadyTime deadline = SteadyTime::max();
  bool asked_to_stop = false;
  bool peer_gone = false;  // Looked up only in handling and stream.
  bool draining = false;
};

Decision judge(const WatchView& view, SteadyTime now);

// True in the phases in which nothing is read or written, so that only a look at the socket tells
// that the client left.
constexpr bool is_our_turn(Phase phase) {
  return phase == Phase::handling || phase == Phase::stream;
}

// How long a handler has to return after its token was stopped.
inline constexpr Duration kStopGrace = std::chrono::seconds(1);

// Written by the connection on its strand, read by the ticker on any thread.
class ConnectionWatch {
 public:
  void enter(Phase phase, SteadyTime now, SteadyTime deadline = SteadyTime::max());
  void set_deadline(SteadyTime deadline);
  Phase phase() const { return phase_.load(std::memory_order_relaxed); }
  SteadyTime since() const;   // When the phase began.
  SteadyTime opened() const;  // When the first one did; max() before.
  // Nobody vouches for the client yet (ServerOptions::known).
  bool is_stranger() const { return stranger_.load(std::memory_order_relaxed); }
  void set_stranger(bool stranger) { stranger_.store(stranger, std::memory_order_relaxed); }
  WatchView view() const;

  void ask_to_stop(Cause cause,
                   SteadyTime now);  // Calls the token's callbacks: no lock may be held.
  void cut(Cause cause);             // Likewise.
  bool asked_to_stop() const { return request_stop_.stop_requested(); }
  bool was_cut() const { return cut_.stop_requested(); }
  Cause cause() const { return cause_.load(std::memory_order_relaxed); }
  std::stop_token request_token() const { return request_stop_.get_token(); }
  std::stop_token cut_token() const { return cut_.get_token(); }

 private:
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  void keep_cause(Cause cause);

  std::atomic<Phase> phase_{Phase::idle};
  std::atomic<std::int64_t> since_{0};
  std::atomic<std::int64_t> opened_{kNever};
  std::atomic<bool> stranger_{false};
  std::atomic<std::int64_t> deadline_{kNever};
  std::atomic<Cause> cause_{Cause::none};
  // One for all requests of the connection: whoever is asked to stop gets no further request.
  std::stop_source request_stop_;
  std::stop_source cut_;
};

}  // namespace accel::net
