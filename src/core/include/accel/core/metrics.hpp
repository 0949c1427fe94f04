// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counters, gauges and histograms in the Prometheus text format (version 0.0.4).
// Used by whoever serves or transfers; node owns the one Metrics and passes it by reference.
// Thread-safe; references that a Metrics returned live as long as it does. Asking again with the
// same name and labels returns the same object. Names follow Prometheus:
// accel_<module>_<what>_<unit>.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace accel {

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double amount = 1.0) = 0;  // Amounts below zero are ignored: counters only grow.
  virtual double value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double amount) = 0;
  virtual double value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

using Labels = std::map<std::string, std::string>;

class Metrics {
 public:
  // At most so many label sets a name; what comes later shares one series {overflow="true"}, so
  // that labels taken from a peer can't fill the memory.
  static constexpr std::size_t kMaxSeriesPerName = 1000;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Characters that Prometheus does not allow in a name become '_'. A name that is taken by another
  // kind is a bug of the caller: it is logged, and the returned object counts but isn't exported.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  // buckets: upper bounds, ascending; empty: latency_buckets(). Fixed by the first call for a name.
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {},
                       std::vector<double> buckets = {});

  // What GET /metrics answers.
  std::string prometheus_text() const;

  // Seconds from 0.1 ms to 60 s, about three a decade.
  static std::vector<double> latency_buckets();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel
