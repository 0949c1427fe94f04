// SPDX-License-Identifier: Apache-2.0
#include "accel/core/random.hpp"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "accel/core/bytes.hpp"

namespace accel {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    while (!out.empty()) {
      const ssize_t got = getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) std::abort();  // A kernel without getrandom: nothing secret may be made here.
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }
};

}  // namespace

std::uint64_t Random::next_u64() {
  std::uint8_t raw[sizeof(std::uint64_t)];
  fill(raw);
  std::uint64_t value = 0;
  std::memcpy(&value, raw, sizeof value);
  return value;
}

std::uint64_t Random::below(std::uint64_t bound) {
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
  std::uint64_t value = next_u64();
  while (value >= limit) value = next_u64();
  return value % bound;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_() >> 56U);
}

std::string random_hex(Random& random, std::size_t size_bytes) {
  Bytes bytes(size_bytes);
  random.fill(bytes);
  return to_hex(bytes);
}

}  // namespace accel
