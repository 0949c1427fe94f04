// SPDX-License-Identifier: Apache-2.0
#include "evp.hpp"

#include <fmt/format.h>
#include <openssl/err.h>

#include <cstdio>
#include <cstdlib>

namespace accel::crypto::detail {

void evp_failed(const char* call) {
  std::array<char, 256> words{};
  ERR_error_string_n(ERR_get_error(), words.data(), words.size());
  fmt::print(stderr, "OpenSSL cannot compute a hash: {} failed ({}). Check its installation.\n",
             call, words.data());
  std::abort();
}

const EVP_MD* fetch_digest(const char* name) {
  EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  if (digest == nullptr) evp_failed("EVP_MD_fetch");
  return digest;
}

}  // namespace accel::crypto::detail
