// SPDX-License-Identifier: Apache-2.0
// Values of single headers. A range that is granted always lies inside of the representation.
#include <cstdlib>

#include "accel/net/header_values.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint64_t length = data[0] + 256U * data[1];
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto range = accel::net::resolve_range(text, length);
  if (range.outcome == accel::net::RangeOutcome::partial) {
    if (range.range.length == 0 || range.range.first >= length) std::abort();
    if (range.range.length > length - range.range.first) std::abort();
    const std::string written = accel::net::content_range(range.range, length);
    const auto again = accel::net::parse_content_range(written);
    if (!again || again->range != range.range || again->size_bytes != length) std::abort();
  }
  (void)accel::net::parse_content_range(text);
  (void)accel::net::etag_matches(text, "\"a\"");
  const std::string shown = accel::net::content_disposition("inline", text);
  if (shown.find_first_of("\r\n") != std::string::npos) std::abort();
  return 0;
}
