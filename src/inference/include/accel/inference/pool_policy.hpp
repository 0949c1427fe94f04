// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which models stay in memory: pure policy. Used by ModelPool, which loads and unloads what this
// decides, and tells it the time. Nothing here does I/O or asks a clock.
//
// Value of an entry = time to load it again x how often it is used / its bytes: what a byte of it
// saves. The least valuable goes first; what is pinned never goes for room, nor what is busy, until
// a request has waited so long (PoolLimits::patience) that its turn has come: then the least
// valuable takes no new calls and goes with the end of its last one.
//
// Bytes are what a model says it needs, or what its loading and first calls were seen to add to the
// process, whichever is more; while it is loaded, what engines take to open it counts instead,
// where that is more. What was seen once is remembered under its key. Invariant: together, the
// entries that are not on their way out never exceed the budget, and nothing is admitted that would
// exceed it with those that are. Not thread-safe.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"

namespace accel::inference {

using PoolId = std::uint64_t;

// Kept until somebody unloads it: pinned.
inline constexpr Duration kKeepForever = Duration::max();

struct PoolLimits {
  std::uint64_t budget_bytes = 0;            // Of all entries together; 0: no limit.
  std::uint64_t reserve_bytes = 64U << 20U;  // Of the machine's memory that must stay free.
  // After such a time without use, an entry counts as used half as often.
  Duration use_half_life = std::chrono::minutes(10);
  Duration patience = std::chrono::seconds(1);
};

struct PoolDemand {
  std::string key;
  std::string name = {};            // For people.
  std::uint64_t bytes = 0;          // As the model says: its weights and its context.
  std::uint64_t opening_bytes = 0;  // While it is loaded, when that takes more.
  bool pinned = false;
  Duration keep_alive = kKeepForever;  // After its last call; 0: it goes with its end.
  std::size_t instances = 1;           // Of the key, beside each other at most.
  bool may_unload = true;              // Whether others may go for it, and whether it may wait.
};

enum class UnloadReason { room, expired, asked, outgrown };
inline constexpr UnloadReason kUnloadReasons[] = {UnloadReason::room, UnloadReason::expired,
                                                  UnloadReason::asked, UnloadReason::outgrown};
std::string_view unload_reason_name(UnloadReason reason);

struct PoolUnload {
  PoolId id = 0;
  UnloadReason reason = UnloadReason::room;
};

// Why there is no room: it exceeds the budget alone; what is pinned leaves too little; the machine
// has too little left; what is loaded is busy.
enum class PoolRefusal { too_large, pinned, machine, busy };
inline constexpr PoolRefusal kPoolRefusals[] = {PoolRefusal::too_large, PoolRefusal::pinned,
                                                PoolRefusal::machine, PoolRefusal::busy};
std::string_view pool_refusal_name(PoolRefusal refusal);

struct PoolAdmission {
  // admitted: `id` has its room, load it. unload: these first, then ask again. wait: until
  // something ends, then ask again; `unload` may name some for now. refused: nothing that ends
  // would help.
  enum class Verdict { admitted, unload, wait, refused };
  Verdict verdict = Verdict::refused;
  PoolId id = 0;
  std::vector<PoolUnload> unload = {};
  PoolRefusal refusal = PoolRefusal::busy;
};

// What a load was seen to add to the process.
struct LoadGrowth {
  std::uint64_t stays = 0;
  std::uint64_t peak = 0;  // At most, meanwhile.
};

struct PoolEntry {
  PoolId id = 0;
  std::string key, name;
  std::uint64_t bytes = 0;         // That count against the budget.
  std::uint64_t loaded_bytes = 0;  // That will, once it is loaded.
  std::uint64_t declared = 0;      // As the model says.
  std::uint64_t seen = 0;          // What it was seen to add to the process.
  double load_ms = 0;
  double uses = 0;  // Decayed, as of `last_use`.
  SteadyTime last_use{};
  Duration keep_alive = kKeepForever;
  bool pinned = false;
  std::size_t busy = 0;  // Calls under way.
  bool loading = false;
  std::optional<UnloadReason> leaving = {};  // No new calls; it goes when none is under way.

  bool is_pinned() const { return pinned || keep_alive == kKeepForever; }
  bool is_idle() const { return busy == 0 && !loading && !leaving; }
  // When it goes for want of use; nothing while it is busy, or pinned.
  std::optional<SteadyTime> expires() const;
};

class PoolPolicy {
 public:
  explicit PoolPolicy(PoolLimits limits) : limits_(limits) {}

  // A call of what is loaded under the key, on the least busy instance; nothing when none is.
  std::optional<PoolId> acquire(const std::string& key, SteadyTime now);
  bool acquire(PoolId id, SteadyTime now);  // False when it is loading or on its way out.
  // Bytes that it will take, its opening included: as it declares, or as much as was once seen.
  std::uint64_t need(const PoolDemand& demand) const;
  // Whether another instance of a key, all of which are busy, may be loaded.
  bool wants_instance(const PoolDemand& demand) const;

  // `headroom`: bytes that the machine has left; nothing: unknown. `waited`: for room, so far.
  // What is admitted is busy with its first call.
  PoolAdmission admit(const PoolDemand& demand, std::optional<std::uint64_t> headroom,
                      Duration waited, SteadyTime now);
  // It is there. `seen`: what it added to the process; nothing: that could not be told.
  std::vector<PoolUnload> loaded(PoolId id, double load_ms, std::optional<LoadGrowth> seen,
                                 SteadyTime now);
  void cancel(PoolId id);  // It could not be loaded: its room is free again.
  // So many bytes more were seen. What must go for them.
  std::vector<PoolUnload> grew(PoolId id, std::uint64_t by, SteadyTime now);

  // A call has ended. What must go now, if anything.
  std::optional<PoolUnload> release(PoolId id, SteadyTime now);
  void keep_alive(PoolId id, Duration time);
  std::optional<PoolUnload> drop(PoolId id);  // Now, or with the end of its last call.
  std::vector<PoolUnload> expire(SteadyTime now);
  std::optional<SteadyTime> next_expiry() const;
  void unloaded(PoolId id);  // Its memory is free: ends what the lists of PoolUnload began.

  const PoolEntry* find(PoolId id) const;
  const std::map<PoolId, PoolEntry>& entries() const { return entries_; }
  const PoolLimits& limits() const { return limits_; }
  std::uint64_t bytes() const;  // Of all entries, those on their way out too.
  std::size_t calls() const;    // Under way, loads included.
  double value(const PoolEntry& entry, SteadyTime now) const;

 private:
  struct Missing;
  struct Seen {  // Of what was loaded before under a key.
    std::uint64_t bytes = 0, peak = 0;
  };
  Seen sizes(const PoolDemand& demand) const;
  Seen& remember(const std::string& key);
  Missing missing(std::uint64_t need, std::optional<std::uint64_t> headroom) const;
  // The least valuable ones whose bytes make up `bytes`, none that could be spared; empty when all
  // together do not.
  std::vector<PoolId> choose(std::uint64_t bytes, bool also_busy, PoolId but, SteadyTime now) const;
  std::vector<PoolUnload> leave(const std::vector<PoolId>& ids, UnloadReason reason);
  PoolAdmission make_room(const Missing& missing, Duration waited, SteadyTime now);
  std::vector<PoolUnload> fit(PoolEntry& grown, SteadyTime now);
  double uses_at(const PoolEntry& entry, SteadyTime now) const;
  void use(PoolEntry& entry, SteadyTime now);

  PoolLimits limits_;
  PoolId last_id_ = 0;
  std::map<PoolId, PoolEntry> entries_;
  std::map<std::string, Seen> seen_;
};

}  // namespace accel::inference
