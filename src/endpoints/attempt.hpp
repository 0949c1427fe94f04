// SPDX-License-Identifier: Apache-2.0
#pragma once
// One request to one endpoint: from the place that it takes there to the verdict. Private to the
// multiplexer; everything runs on its executor.

#include <memory>
#include <optional>
#include <stop_token>

#include "accel/core/trace.hpp"
#include "accel/net/http_client.hpp"
#include "piece_queue.hpp"
#include "policy/standing.hpp"
#include "wire/reply_reader.hpp"

namespace accel::endpoints {

// An endpoint with what is known of it. Owners: the table, and the requests that are under way.
struct Member {
  Member(Endpoint configured, const Executor& executor, net::ClientOptions options)
      : endpoint(std::move(configured)),
        standing(endpoint.max_concurrent, endpoint.requests_per_minute),
        client(executor, std::move(options)) {}

  Endpoint endpoint;
  Standing standing;
  net::HttpClient client;  // Its connections, and how long it may be silent.
  std::uint64_t prompt_tokens = 0, completion_tokens = 0;
  double cost = 0;
  std::string last_error;
};

// A place among those that an endpoint may be asked at a time.
class Place {
 public:
  Place(std::shared_ptr<Member> member, const Clock& clock, std::function<void()> on_free)
      : member_(std::move(member)), clock_(clock), on_free_(std::move(on_free)) {
    member_->standing.began(clock_.now());
  }
  ~Place() { end(Outcome::cancelled); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  Member& member() const { return *member_; }
  void end(Outcome outcome, std::optional<Duration> retry_after = {});

 private:
  std::shared_ptr<Member> member_;
  const Clock& clock_;
  std::function<void()> on_free_;
  bool ended_ = false;
};

// What a request that ended says of the next step.
struct Verdict {
  std::optional<Error> error = {};  // Nothing: it succeeded.
  Outcome outcome = Outcome::cancelled;
  bool same_again = false;  // Another try may succeed, also at the same endpoint.
  bool elsewhere = false;   // Another endpoint may know better.
  std::optional<Duration> retry_after = {};
};
Verdict verdict_of(Error error, bool throttled);

struct Attempt {
  explicit Attempt(std::unique_ptr<Place> taken) : place(std::move(taken)) {}

  std::unique_ptr<Place> place;
  std::stop_source stop;
  std::optional<ReplyReader> reader;
  std::optional<Error> read_error;  // Of the reply's content; the connection's words matter less.
  std::vector<std::string> not_sent;
  SteadyTime began{};
  std::optional<Duration> first;  // Until the first piece.
  Duration total{};
  Verdict verdict;
  trace::Span span;
  bool ended = false;
};

struct PreparedCall {
  net::Url url;
  net::HttpCall http;
  std::string key;
  std::vector<std::string> not_sent;
};
// The span of an attempt, as OpenTelemetry names a client's; the server is told which it is.
trace::Span client_span(const trace::LinkPtr& parent, const Endpoint& endpoint,
                        const Request& request, std::size_t attempt);
void tell_server(const trace::Span& span, net::Headers& headers);
void end_client_span(trace::Span& span, const Verdict& verdict, const Usage& usage);
// Errors: unsupported, invalid_argument, and of reading the key.
Result<PreparedCall> prepare_call(const Endpoint& endpoint, Request request);

}  // namespace accel::endpoints
