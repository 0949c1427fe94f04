// SPDX-License-Identifier: Apache-2.0
#include "accel/crypto/secret.hpp"

#include <openssl/crypto.h>

namespace accel::crypto {

void wipe(std::span<std::uint8_t> bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

}  // namespace accel::crypto
