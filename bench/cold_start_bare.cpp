// SPDX-License-Identifier: Apache-2.0
// The bar for `run`: a bare ONNX Runtime program, nothing of this project in it. It loads the
// library, opens the model by path, runs it once on given token ids, pools and normalizes, prints
// the embedding's checksum and exits.
//
// usage: cold_start_bare LIBONNXRUNTIME MODEL.onnx THREADS ID [ID ...]
// stdout: one JSON object {"program", "engine_version", "first_ms", "peak_rss_kib", "norm",
// "first4"}
#include <dlfcn.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <onnxruntime_cxx_api.h>

namespace {

using Clock = std::chrono::steady_clock;

std::vector<float> pooled(const float* hidden, std::size_t tokens, std::size_t width) {
  std::vector<float> sum(width, 0.0F);
  for (std::size_t index = 0; index < tokens * width; ++index) sum[index % width] += hidden[index];
  double norm = 0;
  for (float& value : sum) {
    value /= static_cast<float>(tokens);
    norm += double{value} * double{value};
  }
  for (float& value : sum) value /= static_cast<float>(std::sqrt(norm));
  return sum;
}

int run(char** argv, int argc) {
  const auto start = Clock::now();
  void* library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  const auto get_base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  Ort::InitApi(get_base()->GetApi(ORT_API_VERSION));
  Ort::Env env(ORT_LOGGING_LEVEL_WARNING, "bare");
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(std::atoi(argv[3]));
  Ort::Session session(env, argv[2], options);
  std::vector<std::int64_t> ids;
  for (int index = 4; index < argc; ++index) ids.push_back(std::atoll(argv[index]));
  std::vector<std::int64_t> mask(ids.size(), 1);
  std::vector<std::int64_t> types(ids.size(), 0);
  const std::vector<std::int64_t> shape{1, static_cast<std::int64_t>(ids.size())};
  const auto memory = Ort::MemoryInfo::CreateCpu(OrtDeviceAllocator, OrtMemTypeDefault);
  std::vector<Ort::Value> inputs;
  for (auto* values : {&ids, &mask, &types}) {
    inputs.push_back(Ort::Value::CreateTensor<std::int64_t>(memory, values->data(), values->size(),
                                                            shape.data(), shape.size()));
  }
  const char* names[] = {"input_ids", "attention_mask", "token_type_ids"};
  const char* outputs[] = {"last_hidden_state"};
  const auto results =
      session.Run(Ort::RunOptions{}, names, inputs.data(), inputs.size(), outputs, 1);
  const auto dims = results[0].GetTensorTypeAndShapeInfo().GetShape();
  const auto embedding =
      pooled(results[0].GetTensorData<float>(), ids.size(), static_cast<std::size_t>(dims.back()));
  const double first_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"program\": \"bare\", \"engine_version\": \"%s\", \"first_ms\": %.3f, \"peak_rss_kib\": "
      "%ld, \"first4\": [%.9g, %.9g, %.9g, %.9g]}\n",
      get_base()->GetVersionString(), first_ms, usage.ru_maxrss, double{embedding[0]},
      double{embedding[1]}, double{embedding[2]}, double{embedding[3]});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fprintf(stderr, "usage: %s LIBONNXRUNTIME MODEL.onnx THREADS ID [ID ...]\n", argv[0]);
    return 2;
  }
  try {
    return run(argv, argc);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
