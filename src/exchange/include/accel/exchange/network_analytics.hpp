// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this node can say of its network from what it has measured: efficiency, speed, density,
// health by a stated rule, advice that follows from figures, and a picture of its links. Pure:
// figures in, figures and text out; nothing that was not measured gets a number. Used by node
// (network analytics, network topology).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/exchange/source_figures.hpp"

namespace accel::exchange {

// A connected peer.
struct NetworkLink {
  std::string peer;
  std::string address;
  std::string agent;
  bool outbound = false;
  std::optional<double> round_trip_ms;  // Of a ping.
  SourceFigures figures;                // Of transfers from it; 0 samples: none was measured.
};

// Of all pulls since the home was made, whatever the source.
struct TransferTotals {
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t bytes_useful = 0;  // Fetched, verified and kept.
  std::uint64_t bytes_duplicate = 0;
  std::uint64_t bytes_rejected = 0;
  double seconds = 0;  // Of completed pulls that fetched anything.

  std::uint64_t bytes() const { return bytes_useful + bytes_duplicate + bytes_rejected; }
};

struct NetworkFigures {
  std::string id;
  std::vector<NetworkLink> links;
  SourceBook known;              // Every source of the last pulls, connected or not.
  std::uint64_t kept_roots = 0;  // Public pins.
  TransferTotals transfers;
};

enum class Health : std::uint8_t { unknown, good, fair, poor };
std::string_view health_name(Health health);
// The rule by which analyze() decides, as a sentence.
std::string_view health_rule();

struct Advice {
  std::string text;
  std::string why;  // The figures from which it follows.
};

struct NetworkAnalysis {
  std::optional<double> efficiency;        // Useful bytes / bytes; nothing before the first byte.
  std::optional<double> bytes_per_second;  // Useful bytes / seconds of pulls.
  std::uint64_t known_nodes = 1;  // This one and the peers that it knows, connected or not.
  // Links over pairs of them, and 2 x links / nodes; it sees its own links only. Nothing below
  // three nodes, where they say no more than whether there is a link.
  std::optional<double> density;
  std::optional<double> average_connections;
  Health health = Health::unknown;
  std::vector<std::string> reasons;  // Why it is not better.
  std::vector<Advice> advice;
};
NetworkAnalysis analyze(const NetworkFigures& figures);

std::string topology_text(const NetworkFigures& figures);
std::string topology_dot(const NetworkFigures& figures);
std::string topology_svg(const NetworkFigures& figures);

}  // namespace accel::exchange
