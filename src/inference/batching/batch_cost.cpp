// SPDX-License-Identifier: Apache-2.0
#include "batching/batch_cost.hpp"

#include <algorithm>
#include <cmath>

namespace accel::inference::batching {
namespace {

constexpr int kTrials = 3;                 // The first runs of a size also pay for its memory.
constexpr double kWeight = 0.25;           // Of the last run.
constexpr std::uint64_t kForgotten = 128;  // Runs without one of a size; then the line counts.
constexpr double kDecay = 0.98;            // Of older runs, in the line.
constexpr double kRunInTokens = 12;        // What a run costs, while all had about one size.
constexpr double kNoise = 0.05;            // At least so uncertain is what a size costs.
constexpr double kClearly = 0.97;          // For less, nobody should wait for others.

}  // namespace

std::size_t BatchCost::size_of(std::size_t tokens) {
  const double halves = 2 * std::log2(static_cast<double>(std::max<std::size_t>(tokens, 1)));
  return std::min(static_cast<std::size_t>(std::lround(halves)), kSizes - 1);
}

void BatchCost::learn(std::size_t tokens, Duration took) {
  const auto count = static_cast<double>(std::max<std::size_t>(tokens, 1));
  Size& size = sizes_[size_of(tokens)];
  if (++runs_ - size.last_run >= kForgotten) size = {};
  const double now = to_ms(took) / count;
  if (size.runs == 0) {
    size.ms_per_token = now;
  } else if (size.runs < kTrials) {
    size.ms_per_token = std::min(size.ms_per_token, now);
  } else {
    const double off = now - size.ms_per_token;
    size.spread += kWeight * (std::abs(off) / size.ms_per_token - size.spread);
    size.ms_per_token += kWeight * off;
  }
  size.runs = std::min(size.runs + 1, kTrials);
  size.last_run = runs_;
  sums_.runs = kDecay * sums_.runs + 1;
  sums_.tokens = kDecay * sums_.tokens + count;
  sums_.ms = kDecay * sums_.ms + to_ms(took);
  sums_.tokens_squared = kDecay * sums_.tokens_squared + count * count;
  sums_.tokens_ms = kDecay * sums_.tokens_ms + count * to_ms(took);
}

double BatchCost::by_line(double tokens) const {
  if (runs_ == 0) return 0;
  const double mean = sums_.tokens / sums_.runs;
  const double mean_ms = sums_.ms / sums_.runs;
  const double variance = sums_.tokens_squared / sums_.runs - mean * mean;
  double slope = mean_ms / (mean + kRunInTokens);
  if (variance > mean * mean / 16) {
    const double fitted = (sums_.tokens_ms / sums_.runs - mean * mean_ms) / variance;
    slope = std::clamp(fitted, 0.0, mean_ms / mean);  // A run costs nothing less than nothing.
  }
  return mean_ms + slope * (tokens - mean);
}

// The line, corrected by what is surely otherwise: on a busy machine sizes that cost the same seem
// to differ, and whoever believes it never tries the better one again.
double BatchCost::ms(std::size_t tokens) const {
  const Size& size = sizes_[size_of(tokens)];
  const auto count = static_cast<double>(tokens);
  const double line = by_line(count);
  if (size.runs < kTrials || runs_ - size.last_run >= kForgotten) return line;
  const double off = size.ms_per_token * count - line;
  const double noise = std::max(kNoise, size.spread) * line;
  return off > 0 ? line + std::max(off - noise, 0.0) : line + std::min(off + noise, 0.0);
}

bool BatchCost::pays(std::size_t whole, std::size_t one, std::size_t other) const {
  return ms(whole) <= kClearly * (ms(one) + ms(other));
}

}  // namespace accel::inference::batching
