// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counts what is under way, as long as it lives. Private to libp2p.

#include <cstddef>

namespace accel::libp2p {

struct CountOne {
  explicit CountOne(std::size_t& counted) : counter(counted) { ++counter; }
  ~CountOne() { --counter; }
  CountOne(const CountOne&) = delete;
  CountOne& operator=(const CountOne&) = delete;
  std::size_t& counter;
};

}  // namespace accel::libp2p
