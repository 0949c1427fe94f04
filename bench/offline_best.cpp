// SPDX-License-Identifier: Apache-2.0
// What the bare engine gives at best, found by a search over rows of a run, threads of a run and
// runs at a time: the limit of bench/serving_bench and bench/serving_peers.
//
// usage: offline_best MODEL.onnx SECONDS LENGTH
// LENGTH: tokens of a text, its special ones included. stdout: one JSON object.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/inference/backend.hpp"

namespace {

using accel::SteadyTime;
using accel::tensor::Tensor;
namespace inference = accel::inference;

double seconds_since(SteadyTime start) {
  return accel::to_ms(accel::system_clock().now() - start) / 1000;
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "offline_best: %s\n", why.c_str());
  std::exit(1);
}

struct Shape {
  std::int64_t rows = 1;
  int threads = 1;
  int callers = 1;
};

struct Inputs {
  explicit Inputs(std::int64_t rows, std::int64_t length) {
    for (const char* name : {"input_ids", "attention_mask", "token_type_ids"}) {
      const std::int64_t value = names.empty() ? 2003 : (names.size() == 1 ? 1 : 0);
      const std::vector<std::int64_t> values(static_cast<std::size_t>(rows * length), value);
      tensors.push_back(Tensor::copy_of<std::int64_t>({rows, length}, values).value());
      names.emplace_back(name);
    }
  }
  std::vector<inference::NamedTensor> named() const {
    std::vector<inference::NamedTensor> list;
    for (std::size_t i = 0; i < names.size(); ++i) list.push_back({names[i], &tensors[i]});
    return list;
  }
  std::vector<std::string> names;
  std::vector<Tensor> tensors;
};

double rows_per_second(inference::Session& session, const Shape& shape, std::int64_t length,
                       double seconds) {
  std::atomic<std::int64_t> rows = 0;
  const SteadyTime start = accel::system_clock().now();
  {
    std::vector<std::jthread> callers;  // tidy: thread: a program that measures
    for (int i = 0; i < shape.callers; ++i) {
      callers.emplace_back([&] {
        const Inputs inputs(shape.rows, length);
        while (seconds_since(start) < seconds) {
          const auto done = session.run(inputs.named(), {}, {});
          if (!done) give_up(done.error().to_string());
          rows += shape.rows;
        }
      });
    }
  }
  return static_cast<double>(rows) / seconds_since(start);
}

int offline(const char* model, double seconds, std::int64_t length) {
  const auto backend = inference::make_onnxruntime_backend();
  const int cpus = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  Shape best;
  double best_rate = 0;
  std::string samples;
  for (int threads = 1; threads <= cpus; threads *= 2) {
    inference::SessionOptions options;
    options.threads = threads;
    auto session = backend->open(model, options);
    if (!session) give_up(session.error().to_string());
    for (const std::int64_t rows : {1, 2, 4, 8, 16, 32, 64}) {
      const Shape shape{rows, threads, std::max(cpus / threads, 1)};
      (void)rows_per_second(**session, shape, length, seconds / 5);
      const double rate = rows_per_second(**session, shape, length, seconds);
      samples += std::string(samples.empty() ? "" : ", ") + "[" + std::to_string(rows) + ", " +
                 std::to_string(threads) + ", " + std::to_string(shape.callers) + ", " +
                 std::to_string(rate) + "]";
      if (rate <= best_rate) continue;
      best_rate = rate;
      best = shape;
    }
  }
  std::printf(
      "{\"rows_per_second\": %.2f, \"rows\": %lld, \"threads\": %d, \"callers\": %d, "
      "\"samples\": [%s]}\n",
      best_rate, static_cast<long long>(best.rows), best.threads, best.callers, samples.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4) return offline(argv[1], std::atof(argv[2]), std::atoll(argv[3]));
  std::fprintf(stderr, "usage: offline_best MODEL.onnx SECONDS LENGTH\n");
  return 2;
}
