// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/xsalsa20.hpp"

#include <sodium.h>

#include <algorithm>

namespace accel::crypto {

void XSalsa20::apply(std::span<std::uint8_t> bytes) {
  const auto take_rest_of_block = [&] {
    const std::size_t part = std::min(bytes.size(), kBlockBytes - used_);
    const ByteView stream = block_.view().subspan(used_, part);
    std::ranges::transform(bytes.first(part), stream, bytes.begin(), std::bit_xor<std::uint8_t>());
    used_ += part;
    bytes = bytes.subspan(part);
  };
  take_rest_of_block();
  const std::size_t whole = bytes.size() - bytes.size() % kBlockBytes;
  if (whole > 0) {
    crypto_stream_xsalsa20_xor_ic(bytes.data(), bytes.data(), whole, nonce_.data(), next_block_,
                                  key_.view().data());
    next_block_ += whole / kBlockBytes;
    bytes = bytes.subspan(whole);
  }
  if (bytes.empty()) return;
  const std::array<std::uint8_t, kBlockBytes> zeros{};
  crypto_stream_xsalsa20_xor_ic(block_.writable().data(), zeros.data(), kBlockBytes, nonce_.data(),
                                next_block_++, key_.view().data());
  used_ = 0;
  take_rest_of_block();
}

}  // namespace accel::crypto
