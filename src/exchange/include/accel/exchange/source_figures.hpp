// SPDX-License-Identifier: Apache-2.0
#pragma once
// What transfers have measured of one source, gathered over pulls: plain figures that the caller
// keeps where it likes (node: in the home), gives to the next pull and updates from its report.
// Pure; used by the fetcher, node and the choice of places for replicas.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace accel::exchange {

enum class SourceKind : std::uint8_t { gateway, file_host, peer };
std::string_view source_kind_name(SourceKind kind);  // "gateway", "file host", "peer"

struct SourceReport {
  std::string url;
  SourceKind kind = SourceKind::gateway;
  std::uint64_t bytes = 0;  // Verified blocks that came from it.
  std::uint64_t blocks = 0;
  std::uint64_t misses = 0;    // "Does not have it".
  std::uint64_t failures = 0;  // Requests that failed, without "does not have it".
  double median_rate = 0;      // Bytes per second that it delivered; 0 when nothing was measured.
  std::uint64_t rate_samples = 0;
  double round_trip_ms = 0;  // The shortest time to a first byte; 0 when nothing was measured.
  std::string last_error;    // Empty when it never failed.
  bool struck_off = false;   // No longer asked, for the reason in last_error.
};

// Of all pulls that asked it. What was never measured is 0, with 0 samples.
struct SourceFigures {
  SourceKind kind = SourceKind::gateway;
  double bytes_per_second = 0;
  std::uint64_t rate_samples = 0;
  double round_trip_ms = 0;
  double failure_share = 0;      // Of requests, the later ones weighing more.
  std::uint64_t requests = 0;    // Blocks and failures.
  std::uint64_t transfers = 0;   // Pulls in which it was asked for anything.
  std::uint64_t struck_off = 0;  // Pulls that ended with it given up.
  std::uint64_t bytes = 0;
  std::uint64_t blocks = 0;
  std::uint64_t failures = 0;
  std::int64_t last_used_s = 0;  // Since 1970; the oldest goes first when a book is full.
};

// By which a source is known again: "/p2p/ID" of a peer's address, whatever lies before; else the
// URL as it was given.
std::string source_key(std::string_view name);

// The figures after one more pull. Later pulls weigh as much as the requests that they measured,
// earlier ones at most as much as 64, so that a source that has changed is seen as it is.
SourceFigures remember(const SourceFigures& before, const SourceReport& report, std::int64_t now_s);

using SourceBook = std::map<std::string, SourceFigures>;  // By source_key().
inline constexpr std::size_t kMaxSourceBook = 512;
// Keeps the last used ones.
void bound(SourceBook& book, std::size_t most = kMaxSourceBook);

}  // namespace accel::exchange
