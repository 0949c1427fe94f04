// SPDX-License-Identifier: Apache-2.0
#pragma once
// The random seam: code that needs randomness takes a Random&, so that a test can replay a seed.

#include <cstdint>
#include <random>
#include <span>
#include <string>

namespace accel {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t next_u64();
  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
};

// The kernel's generator (getrandom), fit for keys and tokens. Thread-safe; lives as long as the
// program.
Random& system_random();

// A replayable generator for tests and simulations; never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::mt19937_64 engine_;
};

// 2 * size_bytes lower-case hex digits: names of runs, tokens, temporary files.
std::string random_hex(Random& random, std::size_t size_bytes);

}  // namespace accel
