// SPDX-License-Identifier: Apache-2.0
#include "accel/core/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "accel/core/log.hpp"

namespace accel {
namespace {

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void add(double amount) override {
    if (amount > 0) counter_.Increment(amount);
  }
  double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void set(double value) override { gauge_.Set(value); }
  void add(double amount) override { gauge_.Increment(amount); }
  double value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

bool name_character(char character, bool first, bool colon) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         character == '_' || (colon && character == ':') ||
         (!first && character >= '0' && character <= '9');
}

// The data model's [a-zA-Z_:][a-zA-Z0-9_:]* for metrics; labels have no colon.
std::string legal_name(std::string_view name, bool colon) {
  std::string out(name.empty() ? std::string_view("_") : name);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!name_character(out[i], i == 0, colon)) out[i] = '_';
  }
  return out;
}

Labels legal_labels(const Labels& labels) {
  Labels out;
  for (const auto& [key, value] : labels) {
    std::string legal = legal_name(key, false);
    if (legal.starts_with("__")) legal.erase(0, 1);  // Two underscores are Prometheus's own.
    out[legal] = value;
  }
  return out;
}

// The series of one metric name; Object is our wrapper, Family prometheus-cpp's.
template <class Object>
struct Series {
  std::map<Labels, std::unique_ptr<Object>> by_labels;
  std::vector<double> buckets;
};

}  // namespace

struct Metrics::Impl {
  // Finds or makes the object of name and labels. add(registry, labels) makes prometheus-cpp's.
  template <class Object, class Add>
  Object& find_or_add(std::map<std::string, Series<Object>>& all, const std::string& name,
                      const Labels& labels, const Add& add) {
    const std::scoped_lock lock(mutex);
    Series<Object>& series = all[name];
    Labels legal = legal_labels(labels);
    if (!series.by_labels.contains(legal) && series.by_labels.size() >= kMaxSeriesPerName) {
      legal = {{"overflow", "true"}};
    }
    auto& slot = series.by_labels[legal];
    if (!slot) slot = make<Object>(name, legal, add);
    return *slot;
  }

  template <class Object, class Add>
  std::unique_ptr<Object> make(const std::string& name, const Labels& labels, const Add& add) {
    try {
      return add(registry, labels);
    } catch (const std::invalid_argument& error) {  // The name has another kind already.
      log::error("core", "A metric's name is taken by another kind.",
                 {{"metric", name}, {"cause", error.what()}});
      return add(unexported.emplace_back(), labels);
    }
  }

  mutable std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::list<prometheus::Registry> unexported;  // One a conflict: these series are never shown.
  std::map<std::string, Series<Counter>> counters;
  std::map<std::string, Series<Gauge>> gauges;
  std::map<std::string, Series<Histogram>> histograms;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  const std::string legal = legal_name(name, true);
  const auto add = [&](prometheus::Registry& registry, const Labels& series) {
    auto& family =
        prometheus::BuildCounter().Name(legal).Help(std::string(help)).Register(registry);
    return std::make_unique<PrometheusCounter>(family.Add(series));
  };
  return impl_->find_or_add(impl_->counters, legal, labels, add);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  const std::string legal = legal_name(name, true);
  const auto add = [&](prometheus::Registry& registry, const Labels& series) {
    auto& family = prometheus::BuildGauge().Name(legal).Help(std::string(help)).Register(registry);
    return std::make_unique<PrometheusGauge>(family.Add(series));
  };
  return impl_->find_or_add(impl_->gauges, legal, labels, add);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels,
                              std::vector<double> buckets) {
  const std::string legal = legal_name(name, true);
  if (buckets.empty()) buckets = latency_buckets();
  std::sort(buckets.begin(), buckets.end());
  const auto add = [&](prometheus::Registry& registry, const Labels& series) {
    auto& fixed = impl_->histograms[legal].buckets;  // find_or_add() holds the lock.
    if (fixed.empty()) fixed = buckets;
    auto& family =
        prometheus::BuildHistogram().Name(legal).Help(std::string(help)).Register(registry);
    return std::make_unique<PrometheusHistogram>(family.Add(series, fixed));
  };
  return impl_->find_or_add(impl_->histograms, legal, labels, add);
}

std::string Metrics::prometheus_text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

std::vector<double> Metrics::latency_buckets() {
  return {0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
          0.1,    0.2,    0.5,    1.0,   2.0,   5.0,   10.0, 20.0, 60.0};
}

}  // namespace accel
