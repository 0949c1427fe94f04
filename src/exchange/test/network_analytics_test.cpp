// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/network_analytics.hpp"

#include <gmock/gmock.h>

namespace accel::exchange {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

NetworkFigures with_peers(int count) {
  NetworkFigures figures;
  figures.id = "12D3me";
  for (int i = 0; i < count; ++i) {
    figures.links.push_back(
        {"12D3peer" + std::to_string(i), "/ip4/10.0.0.1/tcp/1", "agent", true, std::nullopt, {}});
  }
  return figures;
}

TEST(NetworkAnalytics, says_nothing_of_what_nobody_measured) {
  const NetworkAnalysis result = analyze(with_peers(0));
  EXPECT_FALSE(result.efficiency);
  EXPECT_FALSE(result.bytes_per_second);
  EXPECT_FALSE(result.density);
  EXPECT_EQ(result.health, Health::unknown);
  ASSERT_EQ(result.advice.size(), 1U);
  EXPECT_THAT(result.advice[0].why, HasSubstr("No peer"));
}

TEST(NetworkAnalytics, efficiency_is_useful_bytes_over_bytes) {
  NetworkFigures figures = with_peers(2);
  figures.transfers = {4, 0, 900, 50, 50, 2.0};
  const NetworkAnalysis result = analyze(figures);
  EXPECT_DOUBLE_EQ(*result.efficiency, 0.9);
  EXPECT_DOUBLE_EQ(*result.bytes_per_second, 450);
  EXPECT_EQ(result.health, Health::fair);
  EXPECT_THAT(result.reasons.at(0), HasSubstr("90.0 %"));
}

TEST(NetworkAnalytics, density_counts_the_links_that_this_node_sees) {
  NetworkFigures figures = with_peers(2);
  figures.known["/p2p/12D3gone"].kind = SourceKind::peer;
  figures.known["/p2p/12D3peer0"].kind = SourceKind::peer;
  figures.known["http://gateway"].kind = SourceKind::gateway;
  const NetworkAnalysis result = analyze(figures);
  EXPECT_DOUBLE_EQ(*result.density, 2.0 / 6);
  EXPECT_DOUBLE_EQ(*result.average_connections, 1.0);
  EXPECT_EQ(result.known_nodes, 4U);
}

TEST(NetworkAnalytics, two_nodes_have_no_density) {
  for (const int peers : {0, 1}) {
    const NetworkAnalysis result = analyze(with_peers(peers));
    EXPECT_FALSE(result.density);
    EXPECT_FALSE(result.average_connections);
  }
  EXPECT_TRUE(analyze(with_peers(2)).density);
}

TEST(NetworkAnalytics, advice_follows_from_figures_and_shows_them) {
  NetworkFigures figures = with_peers(2);
  figures.known["http://fast"] = {.bytes_per_second = 1e8, .rate_samples = 100};
  figures.known["http://slow"] = {.bytes_per_second = 1e6, .rate_samples = 9};
  figures.known["http://bad"] = {.failure_share = 0.5, .requests = 20, .failures = 10};
  figures.known["http://new"] = {.failure_share = 1, .requests = 2, .failures = 2};
  std::string all;
  for (const Advice& advice : analyze(figures).advice) all += advice.text + " " + advice.why + "\n";
  EXPECT_THAT(all, HasSubstr("http://slow"));
  EXPECT_THAT(all, HasSubstr("10 of 20"));
  EXPECT_THAT(all, Not(HasSubstr("http://new")));
}

TEST(NetworkAnalytics, more_failed_than_done_is_poor) {
  NetworkFigures figures = with_peers(3);
  figures.transfers = {1, 2, 100, 0, 0, 1};
  EXPECT_EQ(analyze(figures).health, Health::poor);
}

TEST(Topology, a_peer_can_put_no_markup_into_a_picture) {
  NetworkFigures figures = with_peers(1);
  figures.links[0].peer = "<script>\"&\\";
  EXPECT_THAT(topology_svg(figures), Not(HasSubstr("<script>")));
  EXPECT_THAT(topology_dot(figures), HasSubstr("\"<script>\\\"&\\\\\""));
  EXPECT_THAT(topology_text(figures), HasSubstr("no transfer measured"));
}

}  // namespace
}  // namespace accel::exchange
