// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a batch of so many tokens takes on this session, learned from those that ran. Rows together
// save what each run costs by itself, and cost the padding of the shorter ones; beyond a
// processor's caches a large batch takes more for each token. Where these cross differs by machine,
// engine and model, so it is measured. Used by BatchPlanner, under its mutex; no clock, no tensors.

#include <array>
#include <cstdint>

#include "accel/core/clock.hpp"

namespace accel::inference::batching {

class BatchCost {
 public:
  // A batch of so many tokens, padding included, took so long.
  void learn(std::size_t tokens, Duration took);
  // Whether a batch of `whole` tokens is expected to take clearly less than its parts one after the
  // other. True while nothing is known.
  bool pays(std::size_t whole, std::size_t one, std::size_t other) const;
  // Expected; 0 while nothing is known.
  double ms(std::size_t tokens) const;

 private:
  struct Size {
    double ms_per_token = 0;  // Of late runs.
    double spread = 0;        // Their mean distance from it, as a share.
    int runs = 0;
    std::uint64_t last_run = 0;
  };
  // Sums over late runs, for the line through them: what a run costs, and what a token does.
  struct Sums {
    double runs = 0, tokens = 0, ms = 0, tokens_squared = 0, tokens_ms = 0;
  };
  static constexpr std::size_t kSizes = 64;  // Two for each power of two.
  static std::size_t size_of(std::size_t tokens);
  double by_line(double tokens) const;

  std::array<Size, kSizes> sizes_{};
  Sums sums_;
  std::uint64_t runs_ = 0;
};

}  // namespace accel::inference::batching
