// SPDX-License-Identifier: Apache-2.0
#include <bit>

#include "sha256_kernels.hpp"

namespace accel::crypto::detail {
namespace {

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
         std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

// W(t) for t >= 16, kept in a ring of 16 words.
std::uint32_t expand(const std::array<std::uint32_t, 16>& words, std::size_t t) {
  const std::uint32_t before_15 = words[(t + 1) % 16];
  const std::uint32_t before_2 = words[(t + 14) % 16];
  const std::uint32_t sigma0 =
      std::rotr(before_15, 7) ^ std::rotr(before_15, 18) ^ (before_15 >> 3);
  const std::uint32_t sigma1 = std::rotr(before_2, 17) ^ std::rotr(before_2, 19) ^ (before_2 >> 10);
  return words[t % 16] + sigma0 + words[(t + 9) % 16] + sigma1;
}

void compress_block(Sha256State& state, const std::uint8_t* block) {
  std::array<std::uint32_t, 16> words{};
  for (std::size_t t = 0; t < 16; ++t) words[t] = big_endian(block + 4 * t);
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t t = 0; t < 64; ++t) {
    if (t >= 16) words[t % 16] = expand(words, t);
    const std::uint32_t choice = (e & f) ^ (~e & g);
    const std::uint32_t majority = (a & b) ^ (a & c) ^ (b & c);
    const std::uint32_t sum1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
    const std::uint32_t sum0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
    const std::uint32_t first = h + sum1 + choice + kSha256Round[t] + words[t % 16];
    h = g;
    g = f;
    f = e;
    e = d + first;
    d = c;
    c = b;
    b = a;
    a = first + sum0 + majority;
  }
  const Sha256State after = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += after[i];
}

}  // namespace

void compress_portable(const Sha256Lane* lanes, std::size_t blocks) {
  for (std::size_t block = 0; block < blocks; ++block) {
    compress_block(*lanes->state, lanes->data + block * kSha256BlockBytes);
  }
}

}  // namespace accel::crypto::detail
