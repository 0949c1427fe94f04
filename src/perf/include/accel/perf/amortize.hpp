// SPDX-License-Identifier: Apache-2.0
#pragma once
// The fastest call is not the fastest answer when a session is opened for it: a process that ends
// after one call pays for opening too. Pure; used by node's selection.

#include <cstddef>
#include <span>

namespace accel::perf {

// As measured on this machine, in milliseconds.
struct RunCost {
  double open_ms = 0;  // Loading the engine and opening its session.
  double call_ms = 0;
  double total_ms(double calls) const { return open_ms + calls * call_ms; }
};

// The index of the one that is done first with opening and `calls` calls; the earliest of equals.
// costs must not be empty.
std::size_t done_first(std::span<const RunCost> costs, double calls);

}  // namespace accel::perf
