// SPDX-License-Identifier: Apache-2.0
// The part of the scheduler that deals with sources that fail: back-off, stalls, striking off, and
// the moment when nobody is left to ask.
#include <algorithm>

#include "scheduler.hpp"

namespace accel::exchange {
namespace {

constexpr std::uint32_t kStrikesOut = 6;
constexpr Duration kLongestBackOff = std::chrono::seconds(10);
constexpr std::uint32_t kFailuresPerWant = 3;  // At one source; then only others are asked for it.
constexpr int kRequestPatience = 3;  // Stall time-outs that one request gets on a live source.
constexpr double kSlowestBytesPerSecond = 1024;  // Below it a request only holds its place.

// Weights: a dropped connection may be a restart (six in a row are not), a time-out has cost much
// time already, and who refuses or does not speak HTTP will do so again.
std::uint32_t weight(Errc code) {
  switch (code) {
    case Errc::timeout:
      return 2;
    case Errc::protocol:
    case Errc::permission_denied:
    case Errc::unauthenticated:
    case Errc::unsupported:
    case Errc::invalid_argument:
      return 3;
    default:
      return 1;
  }
}

}  // namespace

void Scheduler::check_stalls() {
  const Duration patience = limits_.stall_timeout * kRequestPatience;
  std::vector<std::pair<RequestId, std::string>> stalled;
  for (const auto& [id, request] : requests_) {
    if (request.arrived) continue;
    const Duration age = now_ - request.mark.sent_at;
    const double slowest = kSlowestBytesPerSecond * std::chrono::duration<double>(age).count();
    if (now_ - sources_[request.source].last_heard >= limits_.stall_timeout) {
      stalled.emplace_back(
          id, fmt::format("It sent nothing for {:.3g} s.", to_ms(limits_.stall_timeout) / 1000));
    } else if (now_ - request.last_bytes >= patience ||
               (age >= patience && static_cast<double>(request.received) < slowest)) {
      stalled.emplace_back(id, fmt::format("It sent {} bytes of a block in {:.3g} s.",
                                           request.received, to_ms(age) / 1000));
    }
  }
  for (auto& [id, reason] : stalled) {
    if (over_ || !requests_.contains(id)) continue;
    actions_.emplace_back(CancelRequest{id});
    on(RequestFailed{id, {Errc::timeout, std::move(reason), {}}});
  }
}

void Scheduler::fail_source(SourceId id, const Error& error, SteadyTime sent_at) {
  Source& source = sources_[id];
  if (source.stats.lost) return;
  ++source.stats.failures;
  source.stats.last_error = error.message;
  // Eight requests that die with one connection's server are one failure, not eight.
  if (sent_at < source.last_failure) return;
  source.last_failure = now_;
  source.strikes += weight(error.code);
  if (source.strikes >= kStrikesOut) return lose_source(id, error.code, error.message);
  const Duration pause = limits_.first_back_off * (1U << (source.strikes - 1));
  source.retry_at = now_ + std::min(pause, kLongestBackOff);
}

void Scheduler::lose_source(SourceId id, Errc code, std::string reason) {
  Source& source = sources_[id];
  if (source.stats.lost) return;
  source.stats.lost = true;
  source.stats.last_error = reason;
  lost_codes_[id] = code;
  actions_.emplace_back(SourceLost{id, std::move(reason)});
  std::vector<RequestId> open;
  for (const auto& [request_id, request] : requests_) {
    if (request.source == id && !request.arrived) open.push_back(request_id);
  }
  for (const RequestId request_id : open) {
    const WantId want = requests_.at(request_id).want;
    waste_.rejected_bytes += requests_.at(request_id).received;
    cancel(request_id);
    requeue(want);
  }
  give_up_stranded();
}

void Scheduler::give_up_stranded() {
  const auto lost = std::find_if(pending_.begin(), pending_.end(), [this](const auto& entry) {
    return stranded(wants_.at(entry.second));
  });
  if (lost != pending_.end()) give_up(wants_.at(lost->second));
}

Scheduler::Trouble& Scheduler::trouble(WantState& state, SourceId source) {
  const auto found = std::find_if(state.troubles.begin(), state.troubles.end(),
                                  [&](const Trouble& item) { return item.source == source; });
  if (found != state.troubles.end()) return *found;
  return state.troubles.emplace_back(Trouble{source, false, 0, Errc::unavailable, {}});
}

bool Scheduler::excluded(const WantState& state, SourceId source) const {
  if (sources_[source].stats.files_only && !state.want.in_file) return true;
  return std::any_of(state.troubles.begin(), state.troubles.end(), [&](const Trouble& item) {
    return item.source == source && (item.missing || item.failures >= kFailuresPerWant);
  });
}

bool Scheduler::stranded(const WantState& state) const {
  if (!state.requests.empty() || sources_expected_) return false;
  for (SourceId id = 0; id < sources_.size(); ++id) {
    if (!sources_[id].stats.lost && !excluded(state, id)) return false;
  }
  return true;
}

// A lie weighs most, then whatever else went wrong; "not found" only when all say so.
std::string Scheduler::why_not(const WantState& state, SourceId id, Error& error) const {
  const SourceStats& source = sources_[id].stats;
  const auto found = std::find_if(state.troubles.begin(), state.troubles.end(),
                                  [&](const Trouble& item) { return item.source == id; });
  if (!source.lost && source.files_only && !state.want.in_file) {
    return fmt::format(
        " {} has the bytes of files, not the nodes that tie them together: name a gateway for "
        "those (--from).",
        source.name);
  }
  if (!source.lost && found->missing) {
    if (!source.files_only) return fmt::format(" {} does not have it.", source.name);
    return fmt::format(" {} does not have it: {}", source.name, found->reason);
  }
  const Errc code = source.lost ? lost_codes_[id] : found->code;
  if (error.code != Errc::corrupt) error.code = code;
  const std::string& reason = source.lost ? source.last_error : found->reason;
  return fmt::format(" {} was {}: {}", source.name,
                     code == Errc::corrupt ? "struck off" : "given up", reason);
}

void Scheduler::give_up(const WantState& state) {
  Error error{Errc::not_found, {}, {}};
  if (sources_.empty()) {
    error.message = fmt::format(
        "Block {} is not here, nobody was named to fetch it from, and no peer that is "
        "connected or was found has it.",
        state.want.cid);
  } else {
    error.message = fmt::format("No source is left for block {}.", state.want.cid);
  }
  for (SourceId id = 0; id < sources_.size(); ++id) error.message += why_not(state, id, error);
  std::vector<RequestId> open;
  for (const auto& [id, request] : requests_) open.push_back(id);
  for (const RequestId id : open) cancel(id);
  over_ = true;
  actions_.emplace_back(GaveUp{std::move(error)});
}

}  // namespace accel::exchange
