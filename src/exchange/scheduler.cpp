// SPDX-License-Identifier: Apache-2.0
#include "scheduler.hpp"

#include <algorithm>
#include <limits>

namespace accel::exchange {
namespace {

constexpr std::uint64_t kUnknownBlockBytes = 16U << 10U;  // Until the first of them has come.
constexpr double kLearning = 0.125;                       // Of the newest block's size.
constexpr double kOutcomeSmoothing = 1.0 / 16;            // Of the newest request's end.
constexpr double kMostFailures = 0.9;           // More would only make a score of infinity.
constexpr std::uint32_t kUntriedRequests = 2;   // What a source that lies or hangs can hold.
constexpr std::uint32_t kExpectedRequests = 8;  // Of one that did well the last time.
constexpr std::size_t kPendingScan = 256;       // Looked at for a source that lacks the first ones.
constexpr std::uint32_t kMissesBeforeDoubt = 4;  // Then one request at a time, with pauses.
constexpr double kLastByFar = 1.25;  // Times what all others need for everything that is left.
constexpr double kLastByFarSlackSeconds = 0.05;
constexpr Duration kShortestPatience = std::chrono::milliseconds(300);
constexpr Duration kPatienceWithUntried = std::chrono::milliseconds(500);
constexpr int kPatienceRoundTrips = 4;

}  // namespace

std::vector<Action> Scheduler::step(const SchedulerEvent& event, SteadyTime now) {
  actions_.clear();
  if (over_) return {};
  now_ = std::max(now, now_);
  budget_.pass_to(now_);
  if (share_ != nullptr) share_->pass_to(now_);
  std::visit([this](const auto& value) { on(value); }, event);
  if (!over_) finish_if_done();
  if (!over_ && !std::holds_alternative<BytesArrived>(event)) {
    assign();
    if (pending_.empty()) rescue();
  }
  return std::move(actions_);
}

void Scheduler::on(const SourceAdded& event) {
  Source source;
  source.stats.name = event.name;
  source.stats.files_only = event.files_only;
  source.max_requests =
      event.max_requests > 0 ? event.max_requests : limits_.max_requests_per_source;
  source.last_heard = now_;
  source.meter.expect(event.prior.bytes_per_second, event.prior.round_trip);
  source.failure_share = std::clamp(event.prior.failure_share, 0.0, kMostFailures);
  sources_.push_back(std::move(source));
  lost_codes_.push_back(Errc::internal);
}

void Scheduler::on(const SourcesExpected& event) {
  sources_expected_ = event.expected;
  if (!event.expected) give_up_stranded();
}

void Scheduler::on(const WantsAdded& event) {
  for (const Want& want : event.wants) {
    const WantId id = next_want_++;
    WantState state;
    state.want = want;
    if (state.want.bytes == 0) {
      state.is_guess = true;
      state.want.bytes = static_cast<std::uint32_t>(bytes_of(state));
    }
    wanted_bytes_ += state.want.bytes;
    const auto [place, inserted] = wants_.emplace(id, std::move(state));
    requeue(id);
    if (stranded(place->second)) return give_up(place->second);
  }
}

void Scheduler::on(const NoMoreWants&) { no_more_wants_ = true; }

void Scheduler::on(const BytesArrived& event) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end() || found->second.arrived) return;
  Request& request = found->second;
  Source& source = sources_[request.source];
  if (event.bytes == 0) {
    request.last_bytes = now_;
    source.last_heard = now_;
    return;
  }
  if (request.received == 0) source.meter.on_first_byte(request.mark, now_);
  const std::uint64_t open = request.reserved - std::min(request.reserved, request.received);
  source.outstanding_bytes -= std::min(open, event.bytes);
  request.received += event.bytes;
  request.last_bytes = now_;
  source.last_heard = now_;
  source.meter.on_bytes(event.bytes);
}

void Scheduler::on(const BlockArrived& event) {
  const auto found = requests_.find(event.request);
  if (found == requests_.end() || found->second.arrived) return;
  if (event.bytes > found->second.received || found->second.received == 0) {
    on(BytesArrived{event.request, event.bytes - found->second.received});
  }
  Request& request = found->second;
  Source& source = sources_[request.source];
  source.meter.on_complete(request.mark, now_);
  source.misses_in_row = 0;
  settle(request);
  correct_budgets(request.reserved, request.received);
  in_flight_bytes_ += request.received - request.reserved;  // The guess becomes the size.
  request.reserved = request.received;
  verifying_bytes_ += request.reserved;
  ++source.unverified;
  source.failure_share -= kOutcomeSmoothing * source.failure_share;
  learn(wants_.at(request.want), request.received);
}

std::uint64_t Scheduler::bytes_of(const WantState& state) const {
  if (!state.is_guess) return state.want.bytes;
  return learned_bytes_ > 0 ? static_cast<std::uint64_t>(learned_bytes_) + 1 : kUnknownBlockBytes;
}

double Scheduler::pending_bytes() const {
  const double guess = learned_bytes_ > 0 ? learned_bytes_ : kUnknownBlockBytes;
  return static_cast<double>(pending_bytes_) + guess * static_cast<double>(pending_guesses_);
}

// The want may have two requests: it is learned from once, and has its size from then on.
void Scheduler::learn(WantState& state, std::uint64_t bytes) {
  if (!state.is_guess || bytes == 0) return;
  const auto size = static_cast<double>(bytes);
  learned_bytes_ =
      learned_bytes_ == 0 ? size : learned_bytes_ + kLearning * (size - learned_bytes_);
  state.is_guess = false;
  wanted_bytes_ += bytes - state.want.bytes;
  state.want.bytes = static_cast<std::uint32_t>(bytes);
}

void Scheduler::on(const BlockVerified& event) {
  if (!requests_.contains(event.request)) return;
  const Request request = end(event.request);
  Source& source = sources_[request.source];
  source.stats.bytes += request.received;
  ++source.stats.blocks;
  source.strikes = 0;
  const auto found = wants_.find(request.want);
  const std::vector<RequestId> losers = found->second.requests;
  for (const RequestId loser : losers) {
    waste_.duplicate_bytes += requests_.at(loser).received;
    cancel(loser);
  }
  wants_.erase(found);
}

void Scheduler::on(const BlockRejected& event) {
  if (!requests_.contains(event.request)) return;
  const Request request = end(event.request);
  waste_.rejected_bytes += request.received;
  ++sources_[request.source].stats.failures;
  requeue(request.want);
  lose_source(request.source, Errc::corrupt, event.reason);
}

void Scheduler::on(const RequestFailed& event) {
  if (!requests_.contains(event.request)) return;
  const Request request = end(event.request);
  waste_.rejected_bytes += request.received;
  WantState& state = wants_.at(request.want);
  Trouble& found = trouble(state, request.source);
  Error error = event.error;
  if (error.code == Errc::internal) error.code = Errc::unavailable;  // HTTP 500 is none of ours.
  found.code = error.code;
  found.reason = error.message;
  requeue(request.want);
  Source& source = sources_[request.source];
  if (event.error.code == Errc::not_found) {
    found.missing = true;
    source.last_heard = now_;
    ++source.stats.misses;
    if (++source.misses_in_row >= kMissesBeforeDoubt) {
      const auto doubt = std::min<std::uint32_t>(source.misses_in_row - kMissesBeforeDoubt, 6);
      source.retry_at = now_ + std::chrono::milliseconds(100) * (1U << doubt);
    }
  } else {
    ++found.failures;
    source.failure_share += kOutcomeSmoothing * (kMostFailures - source.failure_share);
    fail_source(request.source, error, request.mark.sent_at);
  }
  if (!over_ && stranded(state)) give_up(state);
}

void Scheduler::on(const Tick&) {
  for (Source& source : sources_) source.meter.on_tick(source.in_flight_requests > 0, now_);
  check_stalls();
}

void Scheduler::assign() {
  while (const auto next = next_assignment()) start(next->first, next->second);
}

std::optional<std::pair<SourceId, WantId>> Scheduler::next_assignment() {
  std::optional<std::pair<SourceId, WantId>> best;
  // Among equals (untried ones above all) the one that holds less.
  std::pair best_score{std::numeric_limits<double>::infinity(), std::uint64_t{0}};
  for (SourceId id = 0; id < sources_.size(); ++id) {
    const Source& source = sources_[id];
    if (!ready(source)) continue;
    const auto want_id = first_pending_for(id);
    if (!want_id) continue;
    const std::uint64_t bytes = bytes_of(wants_.at(*want_id));
    if (!has_room(source, bytes) || would_be_last_by_far(id, bytes)) continue;
    const std::pair scored{score(source, bytes), source.outstanding_bytes};
    if (scored < best_score) {
      best_score = scored;
      best = {id, *want_id};
    }
  }
  return best;
}

std::optional<WantId> Scheduler::first_pending_for(SourceId id) const {
  std::size_t seen = 0;
  for (const auto& [order, want] : pending_) {
    if (++seen > kPendingScan) break;
    if (!excluded(wants_.at(want), id)) return want;
  }
  return std::nullopt;
}

bool Scheduler::ready(const Source& source) const {
  return !source.stats.lost && now_ >= source.retry_at;
}

bool Scheduler::has_room(const Source& source, std::uint64_t bytes) const {
  if (!budget_.has_room() || (share_ != nullptr && !share_->has_room())) return false;
  if (requests_.empty()) return true;  // Whatever the limits say, one block must fit.
  if (in_flight_bytes_ + bytes > limits_.max_in_flight_bytes) return false;
  if (verifying_bytes_ >= limits_.max_verifying_bytes) return false;
  // Nothing of it was right yet: what it has sent counts until it is hashed.
  const std::uint32_t unproven = source.in_flight_requests + source.unverified;
  if (source.stats.blocks == 0 && unproven >= kExpectedRequests) return false;
  if (source.in_flight_requests == 0) return true;
  if (source.misses_in_row >= kMissesBeforeDoubt || source.strikes > 0) return false;
  const auto untried = source.meter.rate() ? kExpectedRequests : kUntriedRequests;
  const auto most = source.meter.measured() ? source.max_requests : untried;
  return source.in_flight_requests < std::min(most, source.max_requests) &&
         source.outstanding_bytes + bytes <= source.meter.window_bytes(bytes);
}

// Infinitely fast until measured, so that each source is tried.
double Scheduler::seconds_to_finish(const Source& source, std::uint64_t bytes) const {
  const auto rate = source.meter.rate();
  if (!rate) return 0;
  return static_cast<double>(source.outstanding_bytes + bytes) / *rate;
}

// The time until it is here, the round trip and what fails on the way included.
double Scheduler::score(const Source& source, std::uint64_t bytes) const {
  if (!source.meter.rate()) return 0;
  const double trip = std::chrono::duration<double>(source.meter.least_round_trip()).count();
  return (seconds_to_finish(source, bytes) + trip) / (1 - source.failure_share);
}

// The slowest source must not start what everybody else would have to wait for in the end.
bool Scheduler::would_be_last_by_far(SourceId id, std::uint64_t bytes) const {
  if (!sources_[id].meter.rate()) return false;
  double total_rate = 0;
  double left = pending_bytes();
  bool others_are_busy = false;
  for (SourceId other = 0; other < sources_.size(); ++other) {
    const Source& source = sources_[other];
    if (!ready(source) || silent(source)) continue;
    total_rate += source.meter.rate().value_or(0);
    left += static_cast<double>(source.outstanding_bytes);
    others_are_busy |= other != id && source.in_flight_requests > 0;
  }
  return others_are_busy && seconds_to_finish(sources_[id], bytes) >
                                kLastByFar * left / total_rate + kLastByFarSlackSeconds;
}

Duration Scheduler::patience(const Source& source) const {
  const auto round_trip = source.meter.round_trip();
  return round_trip ? std::max(kShortestPatience, *round_trip * kPatienceRoundTrips)
                    : kPatienceWithUntried;
}

bool Scheduler::silent(const Source& source) const {
  return source.in_flight_requests > 0 && now_ - source.last_heard >= patience(source);
}

void Scheduler::start(SourceId source_id, WantId want_id) {
  const RequestId id = next_request_++;
  WantState& state = wants_.at(want_id);
  Source& source = sources_[source_id];
  if (pending_.erase({state.want.order, want_id}) > 0) {
    state.is_guess ? --pending_guesses_ : pending_bytes_ -= state.want.bytes;
  }
  if (source.in_flight_requests == 0) source.last_heard = now_;
  Request request;
  request.source = source_id;
  request.want = want_id;
  request.reserved = bytes_of(state);
  request.mark = source.meter.mark(now_);
  request.last_bytes = now_;
  ++source.in_flight_requests;
  source.outstanding_bytes += request.reserved;
  in_flight_bytes_ += request.reserved;
  budget_.take(request.reserved);
  if (share_ != nullptr) share_->begin(request.reserved);
  state.requests.push_back(id);
  requests_.emplace(id, request);
  actions_.emplace_back(StartRequest{id, source_id, want_id});
}

Scheduler::Request Scheduler::end(RequestId id) {
  const auto found = requests_.find(id);
  if (found->second.arrived) {
    verifying_bytes_ -= found->second.reserved;
    --sources_[found->second.source].unverified;
  }
  settle(found->second);
  const Request request = found->second;
  requests_.erase(found);
  std::erase(wants_.at(request.want).requests, id);
  in_flight_bytes_ -= request.reserved;
  return request;
}

void Scheduler::settle(Request& request) {
  if (request.arrived) return;
  Source& source = sources_[request.source];
  source.outstanding_bytes -= request.reserved - std::min(request.reserved, request.received);
  --source.in_flight_requests;
  request.arrived = true;
  if (share_ != nullptr) share_->end();
}

// What a request reserved was a guess.
void Scheduler::correct_budgets(std::uint64_t reserved, std::uint64_t received) {
  const auto correct = [&](auto& budget) {
    if (received < reserved) {
      budget.give_back(reserved - received);
    } else {
      budget.take(received - reserved);
    }
  };
  correct(budget_);
  if (share_ != nullptr) correct(*share_);
}

void Scheduler::cancel(RequestId id) {
  end(id);
  actions_.emplace_back(CancelRequest{id});
}

void Scheduler::requeue(WantId id) {
  const WantState& state = wants_.at(id);
  if (!state.requests.empty()) return;  // The request that rescues it is still under way.
  if (!pending_.emplace(state.want.order, id).second) return;
  state.is_guess ? ++pending_guesses_ : pending_bytes_ += state.want.bytes;
}

void Scheduler::finish_if_done() {
  if (!no_more_wants_ || !wants_.empty()) return;
  over_ = true;
  actions_.emplace_back(Finished{});
}

std::vector<SourceStats> Scheduler::sources() const {
  std::vector<SourceStats> result;
  for (const Source& source : sources_) {
    result.push_back(source.stats);
    result.back().median_rate = source.meter.median_rate();
    result.back().rate_samples = source.meter.samples();
    result.back().round_trip = source.meter.least_round_trip();
  }
  return result;
}

}  // namespace accel::exchange
