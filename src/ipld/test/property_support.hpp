// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random values for round-trip properties. Each run takes a new seed; a failure prints it, and
// ACCEL_TEST_SEED=<number> replays it. Test code only.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "accel/core/random.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::ipld::testing {

inline std::uint64_t test_seed() {
  static const std::uint64_t seed = [] {
    const char* const given = std::getenv("ACCEL_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : system_random().next_u64();
  }();
  return seed;
}

class Generator {
 public:
  Generator() : random_(test_seed()) {}

  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool coin() { return below(2) == 1; }
  Bytes bytes(std::size_t size) {
    Bytes out(size);
    random_.fill(out);
    return out;
  }
  Bytes bytes_up_to(std::size_t most) { return bytes(below(most + 1)); }
  // Small numbers as likely as large ones.
  std::uint64_t number() { return random_.next_u64() >> below(64); }
  std::string text_up_to(std::size_t most) { return std::string(as_text(bytes_up_to(most))); }

  Cid cid() {
    switch (below(4)) {
      case 0:
        return Cid::v0(sha2_256(bytes(8)));
      case 1:
        return Cid::v1(Codec::raw, Multihash::wrap(HashCode::identity, bytes_up_to(128)).value());
      case 2:
        return Cid::v1(Codec::dag_json, Multihash::wrap(HashCode::sha2_512, bytes(64)).value());
      default:
        return Cid::v1(Codec::dag_pb, sha2_256(bytes(8)));
    }
  }

 private:
  SeededRandom random_;
};

}  // namespace accel::ipld::testing

#define ACCEL_TRACE_SEED() \
  SCOPED_TRACE("ACCEL_TEST_SEED=" + std::to_string(::accel::ipld::testing::test_seed()))
