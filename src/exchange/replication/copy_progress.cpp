// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/exchange/replication.hpp"

namespace accel::exchange {

CopyProgress::CopyProgress(std::uint64_t bytes, SteadyTime began, CopyPace pace)
    : bytes_(bytes), pace_(pace), began_(began), moved_(began) {}

Status CopyProgress::saw(std::uint64_t have_bytes, SteadyTime now) {
  if (std::min(have_bytes, bytes_) > have_) {
    have_ = std::min(have_bytes, bytes_);
    moved_ = now;
  }
  if (now - moved_ > pace_.silence) {
    return fail(Errc::timeout, "It has fetched nothing for {:.0f} s.", to_ms(pace_.silence) / 1000);
  }
  constexpr std::uint64_t kMost = std::uint64_t{1} << 46U;  // Keeps the product below in range.
  const std::chrono::seconds for_bytes(std::min(bytes_, kMost) /
                                       std::max<std::uint64_t>(pace_.bytes_per_second, 1U << 14U));
  if (now - began_ > pace_.silence + for_bytes) {
    return fail(Errc::timeout, "It has {} of {} after {:.0f} s, which is too slow.",
                human_bytes(have_), human_bytes(bytes_), to_ms(now - began_) / 1000);
  }
  return {};
}

}  // namespace accel::exchange
