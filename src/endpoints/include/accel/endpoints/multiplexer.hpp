// SPDX-License-Identifier: Apache-2.0
#pragma once
// One request, several servers: chooses an endpoint by what was measured of each, asks it, asks
// another when that fails or is slow, and tells who answered. Used by node. Threads: every method
// may be called from any thread but those of the executor, and blocks. The state lives on the
// executor, which must be serial and the multiplexer's own: replies are parsed there.

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/core/random.hpp"
#include "accel/endpoints/endpoint.hpp"
#include "accel/endpoints/exchange.hpp"

namespace accel::endpoints {

enum class Preference { latency, cost };

struct MultiplexerOptions {
  Preference preference = Preference::latency;
  bool hedge = false;             // Ask a second endpoint when the first is later than usual.
  std::size_t attempts = 3;       // Of one request, hedges not counted.
  std::size_t max_waiting = 256;  // Requests that wait for a place, of all endpoints together.
  Duration max_wait = std::chrono::seconds(30);       // For a place at any endpoint.
  Duration total_timeout = std::chrono::minutes(10);  // From the question to the end of its answer.
  std::string ca_file;  // Certificates in PEM, trusted besides the system's.
};

struct Question {
  Request request;
  std::string endpoint;      // Only this one; empty: whichever serves the model.
  bool only_listed = false;  // Only endpoints that name the model, none that take any name.
  bool may_leave = false;    // Also endpoints that are not on this machine.
  Duration timeout{};        // Over MultiplexerOptions::total_timeout when not zero.
  // When whoever asks must have its answer, if ever: no later in any case, and servers are told.
  std::optional<SteadyTime> deadline = {};
  std::string via = {};  // The nodes that it came through, as the header Via (RFC 9110) tells.
};

// How an answer came about. The times are measured here, from when the request went out.
struct Told {
  std::string endpoint, kind, model;
  bool on_this_machine = false;
  double wait_ms = 0;   // For a place, and between attempts.
  double first_ms = 0;  // Until the first piece, or the whole answer where it has no pieces.
  double total_ms = 0;  // Until the end of the answer.
  std::size_t attempts = 1;
  bool hedged = false;              // A second endpoint was asked, and the quicker one taken.
  std::optional<double> cost = {};  // By the configured prices and the reported usage.
};

struct Reply {
  Answer answer;
  Told told;
};

struct EndpointStats {
  std::string name;
  std::string state;  // "closed", "open", "half-open": of its circuit breaker.
  std::uint64_t requests = 0, failures = 0, refusals = 0, cancelled = 0;
  std::size_t outstanding = 0;
  std::optional<double> latency_ms;  // Of the first piece, the moving average that choice goes by.
  std::optional<double> p95_ms;      // Of the latest samples.
  double paused_ms = 0;              // How long it asked not to be asked.
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;  // As reported.
  double cost = 0;
  std::string last_error;
};

class Multiplexer {
 public:
  struct Seams {
    const Clock& clock;
    Random& random;
    Metrics& metrics;
  };
  Multiplexer(Executor executor, Seams seams, MultiplexerOptions options);
  ~Multiplexer();  // Every ask() must have returned.
  Multiplexer(const Multiplexer&) = delete;
  Multiplexer& operator=(const Multiplexer&) = delete;

  // The endpoints from now on. What was measured of one that did not change stays.
  void set(std::vector<Endpoint> endpoints);

  // on_piece is called on this thread, in order, before this returns; what was handed on is never
  // taken back: an endpoint that fails later fails the request. Errors: not_found (no endpoint
  // serves the model), permission_denied (one does, on another machine, and nothing may leave this
  // one), resource_exhausted (all are busy, or asked for a pause), unavailable, timeout, cancelled,
  // unsupported (the protocol has no word for something), and what the server answered.
  Result<Reply> ask(Question question, const PieceSink& on_piece, std::stop_token stop);

  std::vector<EndpointStats> stats();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::endpoints
