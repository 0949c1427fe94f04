// SPDX-License-Identifier: Apache-2.0
#pragma once
// How urgent a request is, and in which order lines serve: a higher level first, within a level
// whoever came first. Nobody starves: after kMostPassedOver starts in a row that passed over
// whoever waits longest, that one is next, whatever its level. So one start in nine goes by age
// alone. Pure. Used by every line of requests: worker threads, batches, texts.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace accel {

enum class Priority : std::uint8_t { high = 1, normal = 2, low = 3 };

constexpr std::string_view priority_name(Priority priority) {
  if (priority == Priority::normal) return "normal";
  return priority == Priority::high ? "high" : "low";
}

// How often whoever waits longest was passed over.
class PassedOver {
 public:
  static constexpr std::size_t kMostPassedOver = 8;

  bool oldest_is_due() const { return count_ >= kMostPassedOver; }
  // A start. `lower_waits`: one of a lower level that came earlier goes on waiting.
  void started(bool lower_waits) { count_ = lower_waits ? count_ + 1 : 0; }

 private:
  std::size_t count_ = 0;
};

// Who is next in a line that is not empty and in the order of arrival.
template <class Line, class Projection>
auto next_in_line(Line& line, const PassedOver& passed_over, Projection priority) {
  if (passed_over.oldest_is_due()) return line.begin();
  return std::ranges::min_element(line, {}, std::move(priority));
}

}  // namespace accel
