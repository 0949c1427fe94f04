// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "accel/exchange/replication.hpp"

namespace accel::exchange {
namespace {

constexpr double kUnknown = 0.5;
constexpr double kBandwidthWeight = 0.4;
constexpr double kReliabilityWeight = 0.4;
constexpr double kSpaceWeight = 0.2;
constexpr double kSameNetwork = 0.5;
constexpr std::uint64_t kAmpleTimes = 10;  // Room for so many of these is ample.

ReplicaPlace judge(const ReplicaCandidate& candidate, double fastest, std::uint64_t bytes) {
  double bandwidth = kUnknown;
  double reliability = kUnknown;
  double space = kUnknown;
  std::string why = "bandwidth not measured";
  if (candidate.bytes_per_second) {
    bandwidth = fastest > 0 ? *candidate.bytes_per_second / fastest : 0;
    why = human_bytes(static_cast<std::uint64_t>(*candidate.bytes_per_second)) + "/s";
  }
  if (candidate.failure_share) {
    reliability = 1 - std::clamp(*candidate.failure_share, 0.0, 1.0);
    why += fmt::format(", {:.0f} % of requests failed", *candidate.failure_share * 100);
  } else {
    why += ", reliability not measured";
  }
  if (candidate.free_bytes) {
    const double ample = static_cast<double>(std::max<std::uint64_t>(bytes, 1) * kAmpleTimes);
    space = std::min(1.0, static_cast<double>(*candidate.free_bytes) / ample);
    why += fmt::format(", {} free by its word", human_bytes(*candidate.free_bytes));
  } else {
    why += ", free space not told";
  }
  const double score =
      kBandwidthWeight * bandwidth + kReliabilityWeight * reliability + kSpaceWeight * space;
  return {candidate.peer, score, std::move(why)};
}

}  // namespace

std::string network_of(std::string_view address) {
  const bool is_ip4 = address.starts_with("/ip4/");
  if (!is_ip4 && !address.starts_with("/ip6/")) return std::string(address);
  std::string_view host = address.substr(5);
  host = host.substr(0, host.find('/'));
  const char separator = is_ip4 ? '.' : ':';
  std::size_t end = 0;
  for (int part = 0; part < 3 && end != host.npos; ++part) {
    end = host.find(separator, end == 0 ? 0 : end + 1);
  }
  return std::string(host.substr(0, end));
}

std::vector<ReplicaPlace> place_replicas(const std::vector<ReplicaCandidate>& candidates,
                                         std::uint64_t bytes,
                                         const std::vector<std::string>& occupied_addresses) {
  double fastest = 0;
  for (const ReplicaCandidate& candidate : candidates) {
    fastest = std::max(fastest, candidate.bytes_per_second.value_or(0));
  }
  std::set<std::string> networks;
  for (const std::string& address : occupied_addresses) networks.insert(network_of(address));
  std::vector<std::pair<ReplicaPlace, std::string>> open;
  for (const ReplicaCandidate& candidate : candidates) {
    if (candidate.free_bytes && *candidate.free_bytes < bytes) continue;
    open.emplace_back(judge(candidate, fastest, bytes), network_of(candidate.address));
  }
  std::vector<ReplicaPlace> placed;
  while (!open.empty()) {
    const auto value = [&](const auto& entry) {
      return entry.first.score * (networks.contains(entry.second) ? kSameNetwork : 1);
    };
    const auto best = std::ranges::max_element(open, {}, value);
    ReplicaPlace place = std::move(best->first);
    if (!networks.insert(best->second).second) {
      place.score *= kSameNetwork;
      place.why += ", in the same network as another copy";
    }
    placed.push_back(std::move(place));
    open.erase(best);
  }
  return placed;
}

}  // namespace accel::exchange
