// SPDX-License-Identifier: Apache-2.0
#pragma once
// Values of single headers that a file server needs: Range, If-None-Match, Accept, and quoting for
// Content-Disposition, and dates. Pure functions. Spec: RFC 9110
// sections 5.6.7, 12.5.1, 13.1.2, 14.1.2; RFC 6266 and RFC 8187.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "accel/core/clock.hpp"

namespace accel::net {

// A range that was asked for, resolved against the size of the representation; inclusive of first,
// length >= 1.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t length = 0;
  bool operator==(const ByteRange&) const = default;
};

enum class RangeOutcome {
  whole,  // No Range, another unit, several ranges or a syntax error: RFC 9110 lets a server ignore
          // it and send all.
  partial,        // One satisfiable range: answer 206.
  unsatisfiable,  // Valid, but nothing of it exists: answer 416 with "Content-Range: bytes */size".
};

struct RangeRequest {
  RangeOutcome outcome = RangeOutcome::whole;
  ByteRange range;
};

// value: the Range header ("bytes=0-99", "bytes=-500", "bytes=7-"); absurd numbers are clamped or
// unsatisfiable, never wrap.
RangeRequest resolve_range(std::string_view value, std::uint64_t size_bytes);
std::string content_range(const ByteRange& range, std::uint64_t size_bytes);  // "bytes 0-99/1234"
std::string unsatisfied_content_range(std::uint64_t size_bytes);              // "bytes */1234"

// A parsed Content-Range of a reply; size is nullopt for "*". nullopt when it is no valid single
// byte range.
struct ContentRange {
  ByteRange range;
  std::optional<std::uint64_t> size_bytes;
};
std::optional<ContentRange> parse_content_range(std::string_view value);

// True when If-None-Match holds this entity tag (weak comparison) or "*". etag includes its quotes.
bool etag_matches(std::string_view if_none_match, std::string_view etag);

std::string http_date(WallTime time);  // "Sun, 06 Nov 1994 08:49:37 GMT"

// disposition; filename="ascii fallback"; filename*=UTF-8''percent-coded
std::string content_disposition(std::string_view disposition, std::string_view filename);

}  // namespace accel::net
