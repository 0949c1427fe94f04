// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/source_figures.hpp"

#include <gtest/gtest.h>

namespace accel::exchange {
namespace {

SourceReport report_of(std::uint64_t blocks, double rate) {
  SourceReport report;
  report.kind = SourceKind::peer;
  report.blocks = blocks;
  report.bytes = blocks * 1000;
  report.rate_samples = blocks;
  report.median_rate = rate;
  return report;
}

TEST(SourceFigures, a_peer_is_known_by_its_id_wherever_it_listens) {
  EXPECT_EQ(source_key("/ip4/10.0.0.1/tcp/4001/p2p/12D3Koo"), "/p2p/12D3Koo");
  EXPECT_EQ(source_key("/p2p/12D3Koo"), "/p2p/12D3Koo");
  EXPECT_EQ(source_key("http://host:8080/p2p/x"), "http://host:8080/p2p/x");
}

TEST(SourceFigures, the_first_pull_counts_as_it_is) {
  SourceReport report = report_of(10, 5e6);
  report.failures = 10;
  report.round_trip_ms = 12;
  const SourceFigures figures = remember({}, report, 77);
  EXPECT_EQ(figures.bytes_per_second, 5e6);
  EXPECT_EQ(figures.rate_samples, 10U);
  EXPECT_EQ(figures.round_trip_ms, 12);
  EXPECT_EQ(figures.failure_share, 0.5);
  EXPECT_EQ(figures.transfers, 1U);
  EXPECT_EQ(figures.last_used_s, 77);
}

TEST(SourceFigures, what_was_long_ago_weighs_no_more_than_what_is_new) {
  SourceFigures figures;
  for (int i = 0; i < 50; ++i) figures = remember(figures, report_of(100, 1e6), i);
  figures = remember(figures, report_of(100, 3e6), 51);
  EXPECT_DOUBLE_EQ(figures.bytes_per_second, 2e6);
  EXPECT_EQ(figures.rate_samples, 5100U);
}

TEST(SourceFigures, who_was_not_asked_for_anything_is_as_before) {
  const SourceFigures figures = remember({}, report_of(3, 1e6), 5);
  const SourceFigures after = remember(figures, report_of(0, 0), 9);
  EXPECT_EQ(after.transfers, 1U);
  EXPECT_EQ(after.last_used_s, 5);
  EXPECT_EQ(after.bytes_per_second, 1e6);
}

TEST(SourceFigures, a_full_book_lets_go_of_the_longest_unused) {
  SourceBook book;
  for (int i = 0; i < 10; ++i) book["http://" + std::to_string(i)].last_used_s = 100 - i;
  bound(book, 4);
  EXPECT_EQ(book.size(), 4U);
  EXPECT_TRUE(book.contains("http://0"));
  EXPECT_FALSE(book.contains("http://9"));
}

}  // namespace
}  // namespace accel::exchange
