// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/network_analytics.hpp"

#include <algorithm>
#include <set>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::exchange {
namespace {

constexpr double kGoodEfficiency = 0.95;
constexpr double kPoorEfficiency = 0.8;
constexpr double kFewFailures = 0.1;
constexpr std::uint64_t kTellingRequests = 10;  // Below, a share of failures is chance.
constexpr double kUnreliable = 0.2;
constexpr std::uint64_t kTellingSamples = 8;
constexpr double kMuchSlower = 0.1;  // Of the fastest.
constexpr std::uint64_t kTellingNodes = 3;

double share(std::uint64_t part, std::uint64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::uint64_t transfers(const TransferTotals& totals) { return totals.completed + totals.failed; }

void judge(const NetworkFigures& figures, NetworkAnalysis& result) {
  const TransferTotals& totals = figures.transfers;
  if (figures.links.empty() && transfers(totals) == 0) return;
  result.health = Health::good;
  const auto worse = [&](Health health, std::string reason) {
    result.health = std::max(result.health, health);
    result.reasons.push_back(std::move(reason));
  };
  if (figures.links.empty()) {
    worse(Health::poor, "no peer is connected");
  } else if (figures.links.size() == 1) {
    worse(Health::fair, "one peer is connected: if it leaves, there is none");
  }
  if (result.efficiency && *result.efficiency < kGoodEfficiency) {
    worse(*result.efficiency < kPoorEfficiency ? Health::poor : Health::fair,
          fmt::format("{:.1f} % of the bytes that came were useful", *result.efficiency * 100));
  }
  if (totals.failed > totals.completed) {
    worse(Health::poor, fmt::format("{} of {} pulls failed", totals.failed, transfers(totals)));
  } else if (totals.failed > 0 && share(totals.failed, transfers(totals)) > kFewFailures) {
    worse(Health::fair, fmt::format("{} of {} pulls failed", totals.failed, transfers(totals)));
  }
}

void advise_on_links(const NetworkFigures& figures, NetworkAnalysis& result) {
  if (figures.links.empty()) {
    result.advice.push_back({"Connect to peers: swarm connect ADDRESS.", "No peer is connected."});
  } else if (figures.links.size() == 1) {
    result.advice.push_back({"Connect to a second peer, so that pulls survive the first one.",
                             "One peer is connected."});
  }
  const auto unmeasured = std::ranges::count_if(
      figures.links, [](const NetworkLink& link) { return link.figures.rate_samples == 0; });
  if (unmeasured > 0) {
    result.advice.push_back(
        {"Pull something that these peers have: their bandwidth is measured as it comes.",
         fmt::format("Of {} connected peers {} have never sent a block here.", figures.links.size(),
                     unmeasured)});
  }
}

void advise_on_sources(const NetworkFigures& figures, NetworkAnalysis& result) {
  double fastest = 0;
  for (const auto& [name, source] : figures.known) {
    if (source.rate_samples >= kTellingSamples)
      fastest = std::max(fastest, source.bytes_per_second);
  }
  for (const auto& [name, source] : figures.known) {
    if (source.requests >= kTellingRequests && source.failure_share > kUnreliable) {
      result.advice.push_back(
          {fmt::format("Do without {}, or find out what is wrong there.", name),
           fmt::format("{:.0f} % of its last requests failed ({} of {} in all).",
                       source.failure_share * 100, source.failures, source.requests)});
    } else if (source.rate_samples >= kTellingSamples &&
               source.bytes_per_second < kMuchSlower * fastest) {
      result.advice.push_back(
          {fmt::format("Expect little of {}.", name),
           fmt::format("It sent {}/s ({} samples), the fastest source {}/s.",
                       human_bytes(static_cast<std::uint64_t>(source.bytes_per_second)),
                       source.rate_samples, human_bytes(static_cast<std::uint64_t>(fastest)))});
    }
  }
  if (result.efficiency && *result.efficiency < kGoodEfficiency) {
    const TransferTotals& totals = figures.transfers;
    result.advice.push_back(
        {totals.bytes_rejected > totals.bytes_duplicate
             ? "Look for the sources that send false or broken blocks (pull --json names them)."
             : "Name fewer sources of very different speed.",
         fmt::format("{} came twice and {} were thrown away, of {}.",
                     human_bytes(totals.bytes_duplicate), human_bytes(totals.bytes_rejected),
                     human_bytes(totals.bytes()))});
  }
}

}  // namespace

std::string_view health_name(Health health) {
  switch (health) {
    case Health::unknown:
      return "unknown";
    case Health::good:
      return "good";
    case Health::fair:
      return "fair";
    case Health::poor:
      return "poor";
  }
  return "unknown";
}

std::string_view health_rule() {
  return "poor: no peer, more pulls failed than ended well, or under 80 % of the bytes useful; "
         "fair: one peer, over 10 % of pulls failed, or under 95 % useful; good: else; "
         "unknown: no peer and no pull yet";
}

NetworkAnalysis analyze(const NetworkFigures& figures) {
  NetworkAnalysis result;
  const TransferTotals& totals = figures.transfers;
  if (totals.bytes() > 0) result.efficiency = share(totals.bytes_useful, totals.bytes());
  if (totals.seconds > 0) {
    result.bytes_per_second = static_cast<double>(totals.bytes_useful) / totals.seconds;
  }
  std::set<std::string> peers;
  for (const NetworkLink& link : figures.links) peers.insert(source_key("/p2p/" + link.peer));
  const auto links = static_cast<double>(peers.size());
  for (const auto& [name, source] : figures.known) {
    if (source.kind == SourceKind::peer) peers.insert(name);
  }
  result.known_nodes = peers.size() + 1;
  const auto nodes = static_cast<double>(result.known_nodes);
  if (result.known_nodes >= kTellingNodes) {
    result.density = links / (nodes * (nodes - 1) / 2);
    result.average_connections = 2 * links / nodes;
  }
  judge(figures, result);
  advise_on_links(figures, result);
  advise_on_sources(figures, result);
  return result;
}

}  // namespace accel::exchange
