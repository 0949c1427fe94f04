// SPDX-License-Identifier: Apache-2.0
// What cold_start_bare does, through inference::Session: the engine's share of `run`, without
// store, tokenizer or CLI.
//
// usage: cold_start_session ENGINE MODEL.onnx THREADS path|skeleton|shared|cache=FOLDER ID [ID ...]
// stdout: one JSON object, as cold_start_bare.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "accel/inference/backend.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using accel::Result;
using accel::tensor::DType;
using accel::tensor::Tensor;
namespace inference = accel::inference;

std::vector<float> pooled(std::span<const float> hidden, std::size_t tokens) {
  const std::size_t width = hidden.size() / tokens;
  std::vector<float> sum(width, 0.0F);
  for (std::size_t index = 0; index < hidden.size(); ++index) sum[index % width] += hidden[index];
  double norm = 0;
  for (float& value : sum) {
    value /= static_cast<float>(tokens);
    norm += double{value} * double{value};
  }
  for (float& value : sum) value /= static_cast<float>(std::sqrt(norm));
  return sum;
}

inference::SessionOptions options_of(char** argv) {
  inference::SessionOptions options;
  options.threads = std::atoi(argv[3]);
  options.spinning = true;  // As the bare program: the engine's own default.
  const std::string load = argv[4];
  if (load == "path") options.load = inference::LoadMode::by_path;
  if (load == "skeleton") options.load = inference::LoadMode::skeleton;
  if (load == "shared") options.load = inference::LoadMode::shared;
  if (load.starts_with("cache=")) options.cache_folder = load.substr(6);
  return options;
}

Result<std::vector<float>> embed(char** argv, int argc, std::string& version) {
  const auto backend = std::string(argv[1]) == "openvino" ? inference::make_openvino_backend()
                                                          : inference::make_onnxruntime_backend();
  ACCEL_TRY(const auto session, backend->open(argv[2], options_of(argv)));
  version = session->info().version;
  std::vector<std::int64_t> values;
  for (int index = 5; index < argc; ++index) values.push_back(std::atoll(argv[index]));
  const accel::tensor::Shape shape{1, static_cast<std::int64_t>(values.size())};
  ACCEL_TRY(const Tensor ids, Tensor::copy_of<std::int64_t>(shape, values));
  std::ranges::fill(values, 1);
  ACCEL_TRY(const Tensor mask, Tensor::copy_of<std::int64_t>(shape, values));
  ACCEL_TRY(const Tensor types, Tensor::zeros(DType::i64, shape));
  const std::vector<inference::NamedTensor> inputs{
      {"input_ids", &ids}, {"attention_mask", &mask}, {"token_type_ids", &types}};
  ACCEL_TRY(const auto outputs, session->run(inputs, {}, {}));
  return pooled(outputs.at(0).data<float>(), values.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fprintf(stderr,
                 "usage: %s ENGINE MODEL.onnx THREADS path|skeleton|shared|cache=FOLDER ID "
                 "[ID ...]\n",
                 argv[0]);
    return 2;
  }
  const auto start = Clock::now();
  std::string version;
  const auto embedding = embed(argv, argc, version);
  const double first_ms = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
  if (!embedding) {
    std::fprintf(stderr, "%s\n", embedding.error().to_string().c_str());
    return 1;
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"program\": \"session\", \"engine_version\": \"%s\", \"first_ms\": %.3f, "
      "\"peak_rss_kib\": %ld, \"first4\": [%.9g, %.9g, %.9g, %.9g]}\n",
      version.c_str(), first_ms, usage.ru_maxrss, double{(*embedding)[0]}, double{(*embedding)[1]},
      double{(*embedding)[2]}, double{(*embedding)[3]});
  return 0;
}
