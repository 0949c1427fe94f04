// SPDX-License-Identifier: Apache-2.0
#include "multi_range.hpp"

#include <algorithm>
#include <string>

#include "accel/net/headers.hpp"

namespace accel::gateway {
namespace {

bool overlap(std::vector<net::ByteRange> ranges) {
  std::ranges::sort(ranges, {}, &net::ByteRange::first);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i - 1].first + ranges[i - 1].length > ranges[i].first) return true;
  }
  return false;
}

}  // namespace

RangesRequest resolve_ranges(std::string_view value, std::uint64_t size_bytes,
                             std::size_t max_ranges) {
  const std::size_t equals = value.find('=');
  if (equals == std::string_view::npos) return {};
  const std::string unit(value.substr(0, equals + 1));
  std::string_view list = value.substr(equals + 1);
  RangesRequest wanted;
  std::size_t count = 0;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    const std::string_view item = net::trim_blanks(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (item.empty()) continue;
    if (++count > max_ranges) return {};
    const net::RangeRequest one = net::resolve_range(unit + std::string(item), size_bytes);
    if (one.outcome == net::RangeOutcome::whole) return {};
    if (one.outcome == net::RangeOutcome::partial) wanted.ranges.push_back(one.range);
  }
  if (count == 0 || overlap(wanted.ranges)) return {};
  wanted.outcome =
      wanted.ranges.empty() ? net::RangeOutcome::unsatisfiable : net::RangeOutcome::partial;
  return wanted;
}

}  // namespace accel::gateway
