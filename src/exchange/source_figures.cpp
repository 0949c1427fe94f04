// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/source_figures.hpp"

#include <algorithm>

namespace accel::exchange {
namespace {

constexpr std::uint64_t kMemory = 64;  // Requests; a pull of 64 MiB replaces half of what was.

double blend(double before, std::uint64_t before_count, double now, std::uint64_t now_count) {
  const auto old_weight = static_cast<double>(std::min(before_count, kMemory));
  const auto new_weight = static_cast<double>(std::min(now_count, kMemory));
  return (before * old_weight + now * new_weight) / (old_weight + new_weight);
}

}  // namespace

std::string_view source_kind_name(SourceKind kind) {
  switch (kind) {
    case SourceKind::gateway:
      return "gateway";
    case SourceKind::file_host:
      return "file host";
    case SourceKind::peer:
      return "peer";
  }
  return "gateway";
}

std::string source_key(std::string_view name) {
  if (!name.starts_with('/')) return std::string(name);
  const std::size_t peer = name.rfind("/p2p/");
  return std::string(peer == name.npos ? name : name.substr(peer));
}

SourceFigures remember(const SourceFigures& before, const SourceReport& report,
                       std::int64_t now_s) {
  SourceFigures after = before;
  after.kind = report.kind;
  const std::uint64_t requests = report.blocks + report.failures;
  if (requests == 0 && !report.struck_off) return after;
  ++after.transfers;
  after.last_used_s = now_s;
  after.struck_off += report.struck_off ? 1 : 0;
  after.bytes += report.bytes;
  after.blocks += report.blocks;
  after.failures += report.failures;
  after.requests += requests;
  if (requests > 0) {
    const double share = static_cast<double>(report.failures) / static_cast<double>(requests);
    after.failure_share = blend(before.failure_share, before.requests, share, requests);
  }
  if (report.rate_samples > 0) {
    after.bytes_per_second = blend(before.bytes_per_second, before.rate_samples, report.median_rate,
                                   report.rate_samples);
    after.rate_samples += report.rate_samples;
  }
  if (report.round_trip_ms > 0) {
    after.round_trip_ms = before.round_trip_ms > 0
                              ? blend(before.round_trip_ms, 1, report.round_trip_ms, 1)
                              : report.round_trip_ms;
  }
  return after;
}

void bound(SourceBook& book, std::size_t most) {
  while (book.size() > most) {
    book.erase(std::ranges::min_element(
        book, {}, [](const auto& entry) { return entry.second.last_used_s; }));
  }
}

}  // namespace accel::exchange
