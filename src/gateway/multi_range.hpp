// SPDX-License-Identifier: Apache-2.0
#pragma once
// Several ranges of one Range header; pure. Spec: RFC 9110 sections 14.1.2 and 14.2, 17.15
// (many small or overlapping ranges are an attack: then all is sent, once).

#include <string_view>
#include <vector>

#include "accel/net/header_values.hpp"

namespace accel::gateway {

struct RangesRequest {
  net::RangeOutcome outcome = net::RangeOutcome::whole;
  std::vector<net::ByteRange> ranges = {};  // With outcome partial: at least one, in their order.
};

RangesRequest resolve_ranges(std::string_view value, std::uint64_t size_bytes,
                             std::size_t max_ranges);

}  // namespace accel::gateway
