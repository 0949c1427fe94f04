// SPDX-License-Identifier: Apache-2.0
// Spec: RFC 3533 (Ogg), section 6; Vorbis I, appendix A; RFC 7845 (Opus).
#include "audio/ogg_head.hpp"

#include <array>
#include <numeric>
#include <string_view>

namespace accel::models {
namespace {

constexpr std::size_t kHeadBytes = 27;  // Of a page; the lengths of its segments follow.
constexpr std::size_t kSumAt = 22, kSumBytes = 4;
constexpr std::uint8_t kContinued = 1, kFirst = 2, kLast = 4;
constexpr std::uint8_t kFullSegment = 255;  // Its packet goes on behind it.

constexpr std::array<std::uint32_t, 256> kSums = [] {
  std::array<std::uint32_t, 256> sums{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t sum = byte << 24U;
    for (int bit = 0; bit < 8; ++bit)
      sum = (sum << 1U) ^ ((sum & 0x80000000U) == 0 ? 0U : 0x04C11DB7U);
    sums[byte] = sum;
  }
  return sums;
}();

std::uint32_t add_to_sum(std::uint32_t sum, ByteView bytes) {
  for (const std::uint8_t byte : bytes) sum = (sum << 8U) ^ kSums[(sum >> 24U) ^ byte];
  return sum;
}

std::uint32_t u32(ByteView bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8U | bytes[at + i];
  return value;
}

struct Page {
  std::uint8_t flags = 0;
  std::uint32_t stream = 0, number = 0;
  ByteView segments;  // Their lengths.
  ByteView body;
};

tl::unexpected<Error> damaged(std::string_view why) {
  return fail(Error{Errc::corrupt, "The Ogg file is damaged or cut off.", std::string(why)});
}

// Takes the page off the front of `rest`.
Result<Page> take_page(ByteView& rest) {
  const bool begins = rest.size() >= kHeadBytes && as_text(rest.first(4)) == "OggS" && rest[4] == 0;
  if (!begins) return damaged("there is no page where one should be");
  Page page{rest[5], u32(rest, 14), u32(rest, 18), {}, {}};
  const std::size_t count = rest[kHeadBytes - 1];
  if (rest.size() < kHeadBytes + count) return damaged("a page is cut off");
  page.segments = rest.subspan(kHeadBytes, count);
  const std::size_t length =
      std::accumulate(page.segments.begin(), page.segments.end(), std::size_t{0});
  if (rest.size() < kHeadBytes + count + length) return damaged("a page is cut off");
  page.body = rest.subspan(kHeadBytes + count, length);
  constexpr std::array<std::uint8_t, kSumBytes> kNone{};  // Stands where the sum will.
  std::uint32_t sum = add_to_sum(0, rest.first(kSumAt));
  sum = add_to_sum(sum, kNone);
  sum = add_to_sum(sum, rest.subspan(kSumAt + kSumBytes, 1 + count + length));
  if (sum != u32(rest, kSumAt)) return damaged("a page's checksum is wrong");
  rest = rest.subspan(kHeadBytes + count + length);
  return page;
}

std::size_t packets_of_head(ByteView first) {
  if (as_text(first).starts_with("\x01vorbis")) return 3;  // Who, comments, and how it is coded.
  return as_text(first).starts_with("OpusHead") ? 2 : 1;
}

}  // namespace

Status check_ogg_head(ByteView file) {
  ByteView rest = file;
  ACCEL_TRY(Page page, take_page(rest));
  if (page.flags != kFirst) return damaged("the first page does not begin a stream");
  const std::uint32_t stream = page.stream;
  const std::size_t wanted = packets_of_head(page.body);
  std::size_t packets = 0;
  bool open = false;  // A packet goes on in the next page.
  for (std::uint32_t next = page.number + 1;; ++next) {
    for (const std::uint8_t segment : page.segments) packets += segment < kFullSegment ? 1 : 0;
    if (packets >= wanted) return {};
    if ((page.flags & kLast) != 0) return damaged("the stream ends within its head");
    if (!page.segments.empty()) open = page.segments.back() == kFullSegment;
    do {  // Pages of other streams lie between.
      ACCEL_TRY(page, take_page(rest));
    } while (page.stream != stream);
    const bool goes_on = (page.flags & kContinued) != 0;
    if (page.number != next || goes_on != open || (page.flags & kFirst) != 0)
      return damaged("a page of the head is missing");
  }
}

}  // namespace accel::models
