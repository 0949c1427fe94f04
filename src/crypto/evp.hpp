// SPDX-License-Identifier: Apache-2.0
#pragma once
// The one place that talks to OpenSSL's EVP digests. Private to crypto.

#include <openssl/evp.h>

#include <array>
#include <cstdint>

#include "accel/core/bytes.hpp"

namespace accel::crypto::detail {

// Ends the process with a sentence: an OpenSSL that cannot hash leaves nothing here that could go
// on, and no caller could do better.
[[noreturn]] void evp_failed(const char* call);

// Fetches a digest once and keeps it for the life of the program: EVP_Digest() with a legacy handle
// fetches on each call, which costs more than hashing a small block.
const EVP_MD* fetch_digest(const char* name);

class EvpContext {
 public:
  explicit EvpContext(const EVP_MD* digest) : digest_(digest), context_(EVP_MD_CTX_new()) {
    if (context_ == nullptr) evp_failed("EVP_MD_CTX_new");
    restart();
  }
  EvpContext(const EvpContext&) = delete;
  EvpContext& operator=(const EvpContext&) = delete;
  ~EvpContext() { EVP_MD_CTX_free(context_); }

  void update(ByteView bytes) {
    if (EVP_DigestUpdate(context_, bytes.data(), bytes.size()) != 1) evp_failed("EVP_DigestUpdate");
  }

  template <std::size_t Size>
  std::array<std::uint8_t, Size> finish() {
    std::array<std::uint8_t, Size> digest{};
    if (EVP_DigestFinal_ex(context_, digest.data(), nullptr) != 1) evp_failed("EVP_DigestFinal_ex");
    restart();
    return digest;
  }

 private:
  void restart() {
    if (EVP_DigestInit_ex2(context_, digest_, nullptr) != 1) evp_failed("EVP_DigestInit_ex2");
  }

  const EVP_MD* digest_;
  EVP_MD_CTX* context_;
};

}  // namespace accel::crypto::detail
