// SPDX-License-Identifier: Apache-2.0
// What keeping outputs costs, without a model: how fast inputs become keys, what finding and
// keeping take, and how far the memory that the cache counts is from what the allocator gave.
//
// usage: output_cache_cost [ENTRIES=20000] [FLOATS=384]
// stdout: one JSON object; times are medians, of one thread, by the steady clock; memory is what
// mallinfo2() says of the heap in use, before and after ENTRIES outputs of FLOATS were kept.
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "accel/inference/output_cache.hpp"

namespace {

using accel::inference::OutputCache;
using accel::inference::OutputKey;
using accel::inference::OutputOwner;
using accel::inference::OutputUse;
using accel::tensor::DType;
using accel::tensor::Tensor;
using Clock = std::chrono::steady_clock;

constexpr int kRounds = 25;

template <class Work>
double median_ns(Work work) {
  std::vector<double> samples;
  for (int round = 0; round < kRounds; ++round) {
    const auto before = Clock::now();
    work();
    samples.push_back(std::chrono::duration<double, std::nano>(Clock::now() - before).count());
  }
  std::nth_element(samples.begin(), samples.begin() + kRounds / 2, samples.end());
  return samples[kRounds / 2];
}

OutputKey key_of(const OutputUse& use, const Tensor& input) {
  auto key = use.begin_key("bench");
  key.tensor(input);
  return key.finish();
}

OutputKey key_of(const OutputUse& use, std::size_t number) {
  auto key = use.begin_key("bench");
  key.number(number);
  return key.finish();
}

void print_hashing(const OutputUse& use) {
  std::printf("\"key\": [");
  const char* comma = "";
  for (const std::int64_t bytes : {64, 1024, 64 << 10, 1 << 20, 16 << 20}) {
    const Tensor input = Tensor::zeros(DType::u8, {bytes}).value();
    const double ns = median_ns([&] { (void)key_of(use, input); });
    std::printf("%s{\"bytes\": %lld, \"ns\": %.0f, \"gb_per_s\": %.2f}", comma,
                static_cast<long long>(bytes), ns, static_cast<double>(bytes) / ns);
    comma = ", ";
  }
  std::printf("]");
}

std::uint64_t heap_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t entries = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 20'000;
  const std::int64_t floats = argc > 2 ? std::strtol(argv[2], nullptr, 10) : 384;
  accel::Metrics metrics;
  std::optional<OutputCache> cache(std::in_place, std::uint64_t{1} << 40U, metrics);
  std::optional<OutputOwner> owner(std::in_place, *cache);
  OutputUse use(*owner, "bench");
  const Tensor output = Tensor::zeros(DType::f32, {floats}).value();
  std::printf("{\"entries\": %zu, \"floats\": %lld, ", entries, static_cast<long long>(floats));
  print_hashing(use);
  std::vector<OutputKey> keys;
  for (std::size_t number = 0; number < entries; ++number) keys.push_back(key_of(use, number));
  const std::uint64_t before = heap_bytes();
  const auto began = Clock::now();
  for (const OutputKey& key : keys) use.keep(key, {&output, 1});
  const std::chrono::duration<double, std::nano> kept = Clock::now() - began;
  const std::uint64_t grown = heap_bytes() - before;
  std::size_t next = 0;
  const double find_ns = median_ns([&] {
    for (int i = 0; i < 1000; ++i) (void)use.find(keys[(next++ * 7919) % keys.size()]);
  });
  std::printf(
      ", \"keep_ns\": %.0f, \"find_ns\": %.0f, \"counted_bytes\": %llu, \"heap_bytes\": %llu}\n",
      kept.count() / static_cast<double>(entries), find_ns / 1000,
      static_cast<unsigned long long>(cache->bytes()), static_cast<unsigned long long>(grown));
  return 0;
}
