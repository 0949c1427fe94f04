// SPDX-License-Identifier: Apache-2.0
#include "accel/core/metrics.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace accel {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, writes_the_prometheus_text_format) {
  Metrics metrics;
  metrics.counter("accel_pull_bytes_total", "Bytes pulled.", {{"source", "a"}}).add(3);
  metrics.gauge("accel_sessions", "Open sessions.").set(2);
  const std::string text = metrics.prometheus_text();
  EXPECT_TRUE(has_line(text, "# HELP accel_pull_bytes_total Bytes pulled."));
  EXPECT_TRUE(has_line(text, "# TYPE accel_pull_bytes_total counter"));
  EXPECT_TRUE(has_line(text, "accel_pull_bytes_total{source=\"a\"} 3")) << text;
  EXPECT_TRUE(has_line(text, "# TYPE accel_sessions gauge"));
  EXPECT_TRUE(has_line(text, "accel_sessions 2")) << text;
}

TEST(Metrics, counts_observations_into_cumulative_buckets) {
  Metrics metrics;
  Histogram& latency = metrics.histogram("accel_latency_seconds", "Latency.", {}, {0.1, 1.0});
  latency.observe(0.05);
  latency.observe(0.5);
  latency.observe(5.0);
  const std::string text = metrics.prometheus_text();
  EXPECT_TRUE(has_line(text, "accel_latency_seconds_bucket{le=\"0.1\"} 1")) << text;
  EXPECT_TRUE(has_line(text, "accel_latency_seconds_bucket{le=\"1\"} 2")) << text;
  EXPECT_TRUE(has_line(text, "accel_latency_seconds_bucket{le=\"+Inf\"} 3"));
  EXPECT_TRUE(has_line(text, "accel_latency_seconds_count 3"));
}

TEST(Metrics, escapes_label_values) {
  Metrics metrics;
  metrics.counter("accel_x_total", "X.", {{"name", "a\"b\\c\nd"}}).add();
  EXPECT_TRUE(has_line(metrics.prometheus_text(), R"(accel_x_total{name="a\"b\\c\nd"} 1)"));
}

TEST(Metrics, gives_the_same_object_for_the_same_name_and_labels) {
  Metrics metrics;
  Counter& first = metrics.counter("accel_x_total", "X.", {{"a", "1"}});
  EXPECT_EQ(&first, &metrics.counter("accel_x_total", "X.", {{"a", "1"}}));
  EXPECT_NE(&first, &metrics.counter("accel_x_total", "X.", {{"a", "2"}}));
}

TEST(Metrics, a_counter_never_goes_back) {
  Metrics metrics;
  Counter& counter = metrics.counter("accel_x_total", "X.");
  counter.add(2);
  counter.add(-1);
  EXPECT_DOUBLE_EQ(counter.value(), 2.0);
}

TEST(Metrics, a_gauge_goes_both_ways) {
  Metrics metrics;
  Gauge& gauge = metrics.gauge("accel_g", "G.");
  gauge.add(2);
  gauge.add(-3);
  EXPECT_DOUBLE_EQ(gauge.value(), -1.0);
}

TEST(Metrics, makes_names_legal) {
  Metrics metrics;
  metrics.counter("9bad-name", "X.", {{"a b", "1"}, {"__x", "2"}}).add();
  EXPECT_TRUE(has_line(metrics.prometheus_text(), "_bad_name{_x=\"2\",a_b=\"1\"} 1"))
      << metrics.prometheus_text();
}

TEST(Metrics, limits_the_series_of_a_name) {
  Metrics metrics;
  for (std::size_t i = 0; i < Metrics::kMaxSeriesPerName + 10; ++i) {
    metrics.counter("accel_peers_total", "P.", {{"peer", std::to_string(i)}}).add();
  }
  EXPECT_TRUE(has_line(metrics.prometheus_text(), "accel_peers_total{overflow=\"true\"} 10"));
}

TEST(Metrics, a_name_of_two_kinds_counts_but_is_exported_once) {
  Metrics metrics;
  metrics.counter("accel_x", "X.").add();
  Gauge& second = metrics.gauge("accel_x", "X.");
  second.set(5);
  EXPECT_DOUBLE_EQ(second.value(), 5.0);
  EXPECT_FALSE(has_line(metrics.prometheus_text(), "accel_x 5"));
}

TEST(Metrics, is_safe_to_use_from_many_threads) {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&metrics, t] {
        for (int i = 0; i < 500; ++i) {
          metrics.counter("accel_x_total", "X.", {{"t", std::to_string(t % 2)}}).add();
        }
        EXPECT_FALSE(metrics.prometheus_text().empty());
      });
    }
  }
  EXPECT_DOUBLE_EQ(metrics.counter("accel_x_total", "X.", {{"t", "0"}}).value(), 1000.0);
}

}  // namespace
}  // namespace accel
