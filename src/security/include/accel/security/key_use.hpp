// SPDX-License-Identifier: Apache-2.0
#pragma once
// What became of one key's limits while the node runs: a Quota behind a mutex
// that is held for a few additions, and told the time. Outlives changes of the
// keys' file, so that revoking one key gives no other a fresh start. Owned by
// Gate and by the requests that run; thread-safe.

#include <mutex>
#include <optional>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/security/quota.hpp"

namespace accel::security {

// What is worth keeping over a restart.
struct KeptUse {
  WallTime last{};
  std::vector<RollingWindow::Slot> day{};  // Tokens.
};

class KeyUse {
 public:
  explicit KeyUse(const Clock& clock) : clock_(clock) {}

  // As Quota's.
  std::optional<Refusal> why_not(const KeyLimits& limits, std::uint64_t body_bytes);
  std::optional<Refusal> begin(const KeyLimits& limits, std::uint64_t body_bytes);
  void end();
  void spend(std::uint64_t tokens);

  struct Left {
    std::optional<Allowance> requests;
    std::optional<Allowance> tokens;
  };
  Left left(const KeyLimits& limits);

  KeptUse kept();
  void restore(const KeptUse& kept);

 private:
  Moment now() const { return {clock_.now(), clock_.wall_now()}; }

  const Clock& clock_;
  std::mutex mutex_;
  Quota quota_;
  WallTime last_{};
};

}  // namespace accel::security
