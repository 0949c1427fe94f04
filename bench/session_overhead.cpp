// SPDX-License-Identifier: Apache-2.0
// What inference::Session adds to a call: in one process, in turns, the bare C++ API of ONNX
// Runtime and Session::run() on the same model, input, threads and load mode. Answers are compared
// bit by bit before times are.
//
// usage: session_overhead MODEL.onnx [PAIRS=200] [SEQUENCE=16] [BATCH=1] [THREADS=1]
// stdout: one JSON object {"ratio_median", "cpu_ratio_median", ..., "samples": [[bare, session]]}
#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <onnxruntime_cxx_api.h>

#include "accel/inference/backend.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using accel::tensor::Tensor;
namespace inference = accel::inference;

constexpr int kWarmUp = 10;
constexpr const char* kNames[] = {"input_ids", "attention_mask", "token_type_ids"};

struct Setting {
  std::string model;
  int pairs = 200;
  std::int64_t sequence = 16;
  std::int64_t batch = 1;
  int threads = 1;
};

struct Inputs {
  std::vector<std::int64_t> shape;
  std::vector<Tensor> tensors;
};

Inputs make_inputs(const Setting& setting) {
  Inputs inputs{{setting.batch, setting.sequence}, {}};
  std::vector<std::int64_t> values(static_cast<std::size_t>(setting.batch * setting.sequence));
  for (std::size_t index = 0; index < values.size(); ++index) {
    values[index] = 1000 + static_cast<std::int64_t>(index * 37 % 20000);
  }
  const auto add = [&] {
    inputs.tensors.push_back(Tensor::copy_of<std::int64_t>(inputs.shape, values).value());
  };
  add();
  std::ranges::fill(values, 1);
  add();
  std::ranges::fill(values, 0);
  add();
  return inputs;
}

// The bare side: what a program without this project would write.
class Bare {
 public:
  Bare(const Setting& setting, const std::string& library, const Inputs& inputs)
      : loaded_(dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    Ort::InitApi(
        reinterpret_cast<const OrtApiBase* (*)()>(dlsym(loaded_, "OrtGetApiBase"))()->GetApi(
            ORT_API_VERSION));
    env_ = Ort::Env(ORT_LOGGING_LEVEL_WARNING, "bare");
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(setting.threads);
    session_ = Ort::Session(env_, setting.model.c_str(), options);
    memory_ = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
    for (const Tensor& tensor : inputs.tensors) {
      auto* data = const_cast<std::int64_t*>(tensor.data<std::int64_t>().data());
      values_.push_back(Ort::Value::CreateTensor<std::int64_t>(
          memory_, data, tensor.elements(), inputs.shape.data(), inputs.shape.size()));
    }
    Ort::AllocatorWithDefaultOptions allocator;
    output_ = session_.GetOutputNameAllocated(0, allocator).get();
  }
  std::vector<Ort::Value> run() {
    const char* wanted[] = {output_.c_str()};
    return session_.Run(Ort::RunOptions{}, kNames, values_.data(), values_.size(), wanted, 1);
  }

 private:
  void* loaded_;
  Ort::Env env_{nullptr};
  Ort::Session session_{nullptr};
  Ort::MemoryInfo memory_{nullptr};
  std::vector<Ort::Value> values_;
  std::string output_;
};

struct Time {
  double wall_ms = 0;
  double cpu_ms = 0;  // Of the calling thread: all of the work when the engine has one thread.
};

double thread_cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

template <class Call>
Time timed(const Call& call) {
  const auto start = Clock::now();
  const double cpu = thread_cpu_ms();
  call();
  return {std::chrono::duration<double, std::milli>(Clock::now() - start).count(),
          thread_cpu_ms() - cpu};
}

double quantile(std::vector<double> values, double at) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(at * static_cast<double>(values.size() - 1))];
}

struct Samples {
  std::vector<Time> bare;
  std::vector<Time> session;
};

template <class Get>
double ratio(const Samples& samples, double at, Get get) {
  std::vector<double> ratios;
  for (std::size_t index = 0; index < samples.bare.size(); ++index) {
    ratios.push_back(get(samples.session[index]) / get(samples.bare[index]));
  }
  return quantile(std::move(ratios), at);
}

double median_wall(const std::vector<Time>& times) {
  std::vector<double> values;
  for (const Time& time : times) values.push_back(time.wall_ms);
  return quantile(std::move(values), 0.5);
}

void print(const Setting& setting, const std::string& version, const Samples& samples) {
  const auto wall = [](const Time& time) { return time.wall_ms; };
  const auto cpu = [](const Time& time) { return time.cpu_ms; };
  std::printf("{\"model\": \"%s\", \"engine_version\": \"%s\", \"pairs\": %zu, \"warm_up\": %d, ",
              setting.model.c_str(), version.c_str(), samples.bare.size(), kWarmUp);
  std::printf("\"sequence\": %ld, \"batch\": %ld, \"threads\": %d,\n", setting.sequence,
              setting.batch, setting.threads);
  std::printf(" \"bare_ms\": %.4f, \"session_ms\": %.4f, ", median_wall(samples.bare),
              median_wall(samples.session));
  for (const auto& [name, at] : {std::pair{"median", 0.5}, {"p10", 0.1}, {"p90", 0.9}}) {
    std::printf("\"ratio_%s\": %.5f, \"cpu_ratio_%s\": %.5f, ", name, ratio(samples, at, wall),
                name, ratio(samples, at, cpu));
  }
  std::printf("\n \"samples\": [");
  for (std::size_t index = 0; index < samples.bare.size(); ++index) {
    std::printf("%s[%.4f, %.4f]", index == 0 ? "" : ", ", samples.bare[index].wall_ms,
                samples.session[index].wall_ms);
  }
  std::printf("]}\n");
}

bool same(const std::vector<Ort::Value>& bare, const std::vector<Tensor>& session) {
  const auto bytes = session.at(0).bytes();
  return std::memcmp(bare.at(0).GetTensorRawData(), bytes.data(), bytes.size()) == 0;
}

accel::Status compare(inference::Session& session, Bare& bare, const Inputs& inputs, int pairs,
                      Samples& samples) {
  std::vector<inference::NamedTensor> named;
  for (std::size_t index = 0; index < inputs.tensors.size(); ++index) {
    named.push_back({kNames[index], &inputs.tensors[index]});
  }
  const std::vector<std::string> wanted{session.outputs().at(0).name};
  std::vector<Ort::Value> bare_result;
  accel::Result<std::vector<Tensor>> result;
  const auto run_bare = [&] { bare_result = bare.run(); };
  const auto run_session = [&] { result = session.run(named, wanted, {}); };
  for (int pair = -kWarmUp; pair < pairs; ++pair) {
    // In turns, and in alternating order, so that neither side always finds the caches warm.
    const bool bare_first = pair % 2 == 0;
    Time bare_time;
    if (bare_first) bare_time = timed(run_bare);
    const Time session_time = timed(run_session);
    if (!bare_first) bare_time = timed(run_bare);
    if (!result) return accel::fail(result.error());
    if (!same(bare_result, *result)) {
      return accel::fail(accel::Errc::internal, "The two sides computed different answers.");
    }
    if (pair < 0) continue;
    samples.bare.push_back(bare_time);
    samples.session.push_back(session_time);
  }
  return {};
}

accel::Status measure(const Setting& setting) {
  const auto backend = inference::make_onnxruntime_backend();
  ACCEL_TRY(const auto info, backend->probe());
  inference::SessionOptions options;
  options.threads = setting.threads;
  options.spinning = true;  // As the bare side: ONNX Runtime's default.
  options.load = inference::LoadMode::by_path;
  ACCEL_TRY(const auto session, backend->open(setting.model, options));
  const Inputs inputs = make_inputs(setting);
  Bare bare(setting, info.library_path.string(), inputs);
  Samples samples;
  ACCEL_CHECK(compare(*session, bare, inputs, setting.pairs, samples));
  print(setting, info.version, samples);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL.onnx [PAIRS] [SEQUENCE] [BATCH] [THREADS]\n", argv[0]);
    return 2;
  }
  Setting setting;
  setting.model = argv[1];
  if (argc > 2) setting.pairs = std::atoi(argv[2]);
  if (argc > 3) setting.sequence = std::atoi(argv[3]);
  if (argc > 4) setting.batch = std::atoi(argv[4]);
  if (argc > 5) setting.threads = std::atoi(argv[5]);
  if (setting.pairs < 1 || setting.sequence < 1 || setting.batch < 1) return 2;
  const accel::Status status = measure(setting);
  if (status) return 0;
  std::fprintf(stderr, "%s\n", status.error().to_string().c_str());
  return 1;
}
