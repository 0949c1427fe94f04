// SPDX-License-Identifier: Apache-2.0
#pragma once
// The media types of an Accept header with their parameters; pure. Spec: RFC 9110 section 12.5.1.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace accel::gateway {

struct AcceptItem {
  std::string type;                                             // Lower case.
  std::vector<std::pair<std::string, std::string>> parameters;  // Names lower case; without q.
  double quality = 1;

  std::string_view parameter(std::string_view name) const;  // Empty when there is none.
};

inline constexpr std::size_t kMaxAcceptItems = 32;  // What follows is not looked at.

// By falling quality, else as they stand; those with q=0 are left out.
std::vector<AcceptItem> parse_accept(std::string_view header);

}  // namespace accel::gateway
