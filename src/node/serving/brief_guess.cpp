// SPDX-License-Identifier: Apache-2.0
#include "serving/brief_guess.hpp"

#include <algorithm>
#include <bit>

namespace accel::node {

void BriefGuess::took(Duration duration, std::size_t input_bytes) {
  const std::scoped_lock lock(mutex_);
  const bool brief = duration <= kBrief;
  were_brief_ = static_cast<std::uint16_t>(were_brief_ << 1U | (brief ? 1U : 0U));
  if (brief) largest_ = std::max(largest_, input_bytes);
  if (were_brief_ == 0) largest_ = 0;
}

bool BriefGuess::expects_brief(std::size_t input_bytes) const {
  const std::scoped_lock lock(mutex_);
  return std::popcount(were_brief_) >= kMost && input_bytes <= largest_;
}

}  // namespace accel::node
