// SPDX-License-Identifier: Apache-2.0
#include "download_budget.hpp"

#include <algorithm>

namespace accel::exchange {

DownloadBudget::Share::~Share() {
  if (urgency_ == Urgency::foreground) budget_.foreground_open_ -= open_;
}

void DownloadBudget::Share::pass_to(SteadyTime now) {
  if (!started_) last_begun_ = now;
  started_ = true;
  now_ = std::max(now_, now);
  budget_.bucket_.pass_to(now_);
}

bool DownloadBudget::Share::has_room() const {
  if (urgency_ == Urgency::foreground) return budget_.bucket_.has_room();
  if (open_ > 0 && budget_.foreground_open_ > 0) return false;
  return budget_.bucket_.is_half_full() || (open_ == 0 && now_ - last_begun_ >= kLongestWait);
}

void DownloadBudget::Share::begin(std::uint64_t bytes) {
  ++open_;
  if (urgency_ == Urgency::foreground) ++budget_.foreground_open_;
  last_begun_ = now_;
  budget_.bucket_.take(bytes);
}

void DownloadBudget::Share::end() {
  --open_;
  if (urgency_ == Urgency::foreground) --budget_.foreground_open_;
}

}  // namespace accel::exchange
