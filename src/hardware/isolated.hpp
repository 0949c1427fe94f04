// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs code that may crash or hang (a vendor's driver) in child processes, side by side, and brings
// back what it says. Private to hardware; blocks; any thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/clock.hpp"

namespace accel::hardware::detail {

inline constexpr std::size_t kMaxIsolatedOutput = 1U << 20U;

struct IsolatedJob {
  std::string name;  // For the sentence when it fails: "the CUDA driver".
  // Runs in the child. It must not touch locks, threads or files of the parent: it loads libraries,
  // asks them, and returns text.
  std::function<std::string()> body;
};

struct IsolatedResult {
  std::optional<std::string> output;
  std::string failure;  // A sentence when there is no output.
};

// One result for each job, in order. Takes at most the deadline and a moment; a child that does not
// finish by then is killed.
std::vector<IsolatedResult> run_isolated(const std::vector<IsolatedJob>& jobs, Duration deadline);

}  // namespace accel::hardware::detail
