// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/pool_policy.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace accel::inference {
namespace {

constexpr std::size_t kMaxSeen = 4096;  // Keys whose size is remembered; beyond, all start over.

std::uint64_t over(std::uint64_t value, std::uint64_t limit) {
  return value > limit ? value - limit : 0;
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  const std::uint64_t sum = a + b;
  return sum < a ? std::numeric_limits<std::uint64_t>::max() : sum;
}

}  // namespace

std::string_view unload_reason_name(UnloadReason reason) {
  switch (reason) {
    case UnloadReason::room:
      return "room";
    case UnloadReason::expired:
      return "expired";
    case UnloadReason::asked:
      return "asked";
    case UnloadReason::outgrown:
      return "outgrown";
  }
  return "room";
}

std::string_view pool_refusal_name(PoolRefusal refusal) {
  switch (refusal) {
    case PoolRefusal::too_large:
      return "too_large";
    case PoolRefusal::pinned:
      return "pinned";
    case PoolRefusal::machine:
      return "machine";
    case PoolRefusal::busy:
      return "busy";
  }
  return "busy";
}

std::optional<SteadyTime> PoolEntry::expires() const {
  if (busy > 0 || loading || is_pinned()) return std::nullopt;
  const Duration left = SteadyTime::max() - last_use;
  return keep_alive < left ? last_use + keep_alive : SteadyTime::max();
}

// What keeps room from being had, and how much of it.
struct PoolPolicy::Missing {
  std::uint64_t budget = 0, machine = 0;
  std::uint64_t bytes() const { return std::max(budget, machine); }
};

std::uint64_t PoolPolicy::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [id, entry] : entries_) sum = plus(sum, entry.bytes);
  return sum;
}

std::size_t PoolPolicy::calls() const {
  std::size_t sum = 0;
  for (const auto& [id, entry] : entries_) sum += entry.busy;
  return sum;
}

const PoolEntry* PoolPolicy::find(PoolId id) const {
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : &found->second;
}

double PoolPolicy::uses_at(const PoolEntry& entry, SteadyTime now) const {
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  const double half_lives =
      seconds(std::max(now - entry.last_use, Duration::zero())) / seconds(limits_.use_half_life);
  return entry.uses * std::exp2(-half_lives);
}

void PoolPolicy::use(PoolEntry& entry, SteadyTime now) {
  entry.uses = uses_at(entry, now) + 1;
  entry.last_use = std::max(entry.last_use, now);
  ++entry.busy;
}

double PoolPolicy::value(const PoolEntry& entry, SteadyTime now) const {
  return entry.load_ms * uses_at(entry, now) /
         static_cast<double>(std::max<std::uint64_t>(entry.bytes, 1));
}

std::optional<PoolId> PoolPolicy::acquire(const std::string& key, SteadyTime now) {
  PoolEntry* best = nullptr;
  for (auto& [id, entry] : entries_) {
    if (entry.loading || entry.leaving || entry.key != key) continue;
    if (best == nullptr || entry.busy < best->busy) best = &entry;
  }
  if (best == nullptr) return std::nullopt;
  use(*best, now);
  return best->id;
}

bool PoolPolicy::acquire(PoolId id, SteadyTime now) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.loading || found->second.leaving) return false;
  use(found->second, now);
  return true;
}

bool PoolPolicy::wants_instance(const PoolDemand& demand) const {
  if (demand.instances < 2) return false;
  std::size_t count = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.leaving || entry.key != demand.key) continue;
    if (entry.busy == 0 || ++count >= demand.instances) return false;
  }
  return count > 0;
}

PoolPolicy::Seen PoolPolicy::sizes(const PoolDemand& demand) const {
  const auto known = seen_.find(demand.key);
  const Seen seen = known == seen_.end() ? Seen() : known->second;
  const std::uint64_t bytes = std::max(demand.bytes, seen.bytes);
  return {bytes, std::max({bytes, demand.opening_bytes, seen.peak})};
}

std::uint64_t PoolPolicy::need(const PoolDemand& demand) const { return sizes(demand).peak; }

PoolPolicy::Seen& PoolPolicy::remember(const std::string& key) {
  if (seen_.size() >= kMaxSeen && !seen_.contains(key)) seen_.clear();
  return seen_[key];
}

PoolPolicy::Missing PoolPolicy::missing(std::uint64_t need,
                                        std::optional<std::uint64_t> headroom) const {
  Missing found;
  if (limits_.budget_bytes > 0) found.budget = over(plus(bytes(), need), limits_.budget_bytes);
  if (headroom) found.machine = over(plus(need, limits_.reserve_bytes), *headroom);
  return found;
}

PoolAdmission PoolPolicy::admit(const PoolDemand& demand, std::optional<std::uint64_t> headroom,
                                Duration waited, SteadyTime now) {
  using Verdict = PoolAdmission::Verdict;
  const auto [stays, needed] = sizes(demand);
  if (limits_.budget_bytes > 0 && needed > limits_.budget_bytes)
    return {Verdict::refused, 0, {}, PoolRefusal::too_large};
  const Missing short_of = missing(needed, headroom);
  if (short_of.bytes() == 0) {
    PoolEntry entry{.id = ++last_id_, .key = demand.key, .name = demand.name, .bytes = needed};
    entry.loaded_bytes = stays;
    entry.declared = demand.bytes;
    entry.last_use = now;
    entry.keep_alive = demand.keep_alive;
    entry.pinned = demand.pinned;
    entry.loading = true;
    use(entry, now);
    entries_.emplace(entry.id, entry);
    return {Verdict::admitted, entry.id, {}, {}};
  }
  if (!demand.may_unload) return {Verdict::refused, 0, {}, PoolRefusal::busy};
  return make_room(short_of, waited, now);
}

PoolAdmission PoolPolicy::make_room(const Missing& short_of, Duration waited, SteadyTime now) {
  using Verdict = PoolAdmission::Verdict;
  std::uint64_t leaving = 0, movable = 0;
  for (const auto& [id, entry] : entries_) {
    if (entry.leaving) {
      leaving = plus(leaving, entry.bytes);
    } else if (!entry.is_pinned()) {
      movable = plus(movable, entry.bytes);
    }
  }
  if (leaving >= short_of.bytes()) return {Verdict::wait, 0, {}, {}};
  const std::uint64_t bytes = short_of.bytes() - leaving;
  if (movable < bytes) {
    const bool machine = plus(movable, leaving) >= short_of.budget;
    return {Verdict::refused, 0, {}, machine ? PoolRefusal::machine : PoolRefusal::pinned};
  }
  auto gone = leave(choose(bytes, /*also_busy=*/false, 0, now), UnloadReason::room);
  if (!gone.empty()) return {Verdict::unload, 0, std::move(gone), {}};
  if (waited < limits_.patience) return {Verdict::wait, 0, {}, {}};
  gone = leave(choose(bytes, /*also_busy=*/true, 0, now), UnloadReason::room);
  return {Verdict::wait, 0, std::move(gone), {}};
}

std::vector<PoolId> PoolPolicy::choose(std::uint64_t bytes, bool also_busy, PoolId but,
                                       SteadyTime now) const {
  struct Candidate {
    double value;
    const PoolEntry* entry;
  };
  std::vector<Candidate> candidates;
  for (const auto& [id, entry] : entries_) {
    const bool can_go = entry.is_idle() || (also_busy && !entry.loading && !entry.leaving);
    if (id != but && can_go && !entry.is_pinned() && entry.bytes > 0)
      candidates.push_back({value(entry, now), &entry});
  }
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    if (a.value != b.value) return a.value < b.value;
    return a.entry->last_use < b.entry->last_use;
  });
  std::uint64_t sum = 0;
  std::size_t count = 0;
  while (count < candidates.size() && sum < bytes)
    sum = plus(sum, candidates[count++].entry->bytes);
  std::vector<PoolId> chosen;
  if (sum < bytes) return chosen;
  while (count-- > 0) {  // The most valuable of them stay if the others are enough.
    const PoolEntry& entry = *candidates[count].entry;
    if (sum - entry.bytes >= bytes) {
      sum -= entry.bytes;
    } else {
      chosen.push_back(entry.id);
    }
  }
  return chosen;
}

std::vector<PoolUnload> PoolPolicy::leave(const std::vector<PoolId>& ids, UnloadReason reason) {
  std::vector<PoolUnload> now;
  for (const PoolId id : ids) {
    PoolEntry& entry = entries_.at(id);
    entry.leaving = reason;
    if (entry.busy == 0) now.push_back({id, reason});
  }
  return now;
}

std::vector<PoolUnload> PoolPolicy::loaded(PoolId id, double load_ms,
                                           std::optional<LoadGrowth> seen, SteadyTime now) {
  PoolEntry& entry = entries_.at(id);
  entry.loading = false;
  entry.load_ms = load_ms;
  entry.bytes = entry.loaded_bytes;
  if (!seen) return {};
  if (seen->peak > entry.bytes) {
    Seen& known = remember(entry.key);
    known.peak = std::max(known.peak, seen->peak);
  }
  return grew(id, seen->stays, now);
}

void PoolPolicy::cancel(PoolId id) { entries_.erase(id); }

std::vector<PoolUnload> PoolPolicy::grew(PoolId id, std::uint64_t by, SteadyTime now) {
  PoolEntry& entry = entries_.at(id);
  entry.seen = plus(entry.seen, by);
  if (entry.seen <= entry.bytes) return {};
  entry.bytes = entry.seen;
  remember(entry.key).bytes = entry.seen;
  return fit(entry, now);
}

// Others go for what it outgrew its word by, or it goes itself with the end of its calls.
std::vector<PoolUnload> PoolPolicy::fit(PoolEntry& grown, SteadyTime now) {
  std::uint64_t staying = 0;
  for (const auto& [id, entry] : entries_) {
    if (!entry.leaving) staying = plus(staying, entry.bytes);
  }
  const std::uint64_t excess = limits_.budget_bytes > 0 ? over(staying, limits_.budget_bytes) : 0;
  if (excess == 0 || grown.leaving) return {};
  const auto others = choose(excess, /*also_busy=*/false, grown.id, now);
  if (!others.empty()) return leave(others, UnloadReason::room);
  return leave({grown.id}, UnloadReason::outgrown);
}

std::optional<PoolUnload> PoolPolicy::release(PoolId id, SteadyTime now) {
  PoolEntry& entry = entries_.at(id);
  entry.uses = uses_at(entry, now);
  entry.last_use = std::max(entry.last_use, now);
  if (--entry.busy > 0) return std::nullopt;
  const bool expired = entry.keep_alive == Duration::zero() && !entry.is_pinned();
  if (!entry.leaving && expired) entry.leaving = UnloadReason::expired;
  if (!entry.leaving) return std::nullopt;
  return PoolUnload{id, *entry.leaving};
}

void PoolPolicy::keep_alive(PoolId id, Duration time) {
  if (const auto found = entries_.find(id); found != entries_.end())
    found->second.keep_alive = std::max(time, Duration::zero());
}

std::optional<PoolUnload> PoolPolicy::drop(PoolId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.leaving) return std::nullopt;
  const auto gone = leave({id}, UnloadReason::asked);
  return gone.empty() ? std::nullopt : std::optional(gone.front());
}

std::vector<PoolUnload> PoolPolicy::expire(SteadyTime now) {
  std::vector<PoolId> ids;
  for (const auto& [id, entry] : entries_) {
    const auto at = entry.leaving ? std::nullopt : entry.expires();
    if (at && *at <= now) ids.push_back(id);
  }
  return leave(ids, UnloadReason::expired);
}

std::optional<SteadyTime> PoolPolicy::next_expiry() const {
  std::optional<SteadyTime> next;
  for (const auto& [id, entry] : entries_) {
    const auto at = entry.leaving ? std::nullopt : entry.expires();
    if (at) next = next ? std::min(*next, *at) : *at;
  }
  return next;
}

void PoolPolicy::unloaded(PoolId id) { entries_.erase(id); }

}  // namespace accel::inference
