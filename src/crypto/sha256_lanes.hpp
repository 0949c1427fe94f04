// SPDX-License-Identifier: Apache-2.0
#pragma once
// The table of kernels, and the plan that sha256_many() makes for a CPU. Private to crypto.

#include "accel/crypto/sha256_many.hpp"
#include "sha256_kernels.hpp"

namespace accel::crypto::detail {

inline constexpr std::size_t kSha256Implementations = 7;

struct Sha256Cpu {
  bool sha_ni = false;
  bool avx2 = false;
  bool avx512 = false;  // F and BW.
};

// This CPU, asked once.
const Sha256Cpu& sha256_cpu();

// Both indexed by Sha256Lanes.
struct Sha256Table {
  std::array<Sha256LanesInfo, kSha256Implementations> info;
  std::array<Sha256Compress, kSha256Implementations> compress;  // Null for openssl.
};

const Sha256Table& sha256_table();

// sha256_many() as on a CPU that has `cpu` alone, which must be part of what this one has: how a
// test reaches the plans of other machines.
void sha256_many_on(const Sha256Cpu& cpu, std::span<const ByteView> messages,
                    std::span<Sha256Digest> out);

}  // namespace accel::crypto::detail
