// SPDX-License-Identifier: Apache-2.0
#pragma once
// API keys: who has one may call the node over TCP, within its role and limits.
// The key itself, ak_<12 hex digits>_<64 hex digits>, is told once, when it is
// made; kept is its SHA-256. A slow hash would guard passwords that people
// choose: this secret has 256 random bits, which nobody guesses at any speed,
// and each request hashes it. Used by Gate and KeyFile; pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/random.hpp"
#include "accel/core/result.hpp"
#include "accel/crypto/sha256.hpp"
#include "accel/security/quota.hpp"
#include "accel/security/role.hpp"

namespace accel::security {

inline constexpr std::size_t kMaxApiKeys = 1000;
inline constexpr std::size_t kMaxLabelBytes = 128;
inline constexpr std::size_t kMaxKeyModels = 64;
inline constexpr std::size_t kMaxModelNameBytes = 256;

struct ApiKey {
  std::string id;  // "ak_" and 12 hex digits: names it everywhere, and is no secret.
  std::string label;
  Role role = Role::stranger;
  crypto::Sha256Digest hash{};  // Of the whole key.
  WallTime created{};
  std::optional<WallTime> expires;
  KeyLimits limits;
  std::vector<std::string> models;  // The only names it may run by; empty: all.

  bool operator==(const ApiKey&) const = default;
};

// What the new key is to be; id, hash and creation are the maker's.
struct NewKey {
  ApiKey key;
  std::string secret;  // The key, to be told once.
};
// Errors: invalid_argument (label, models, an end in the past).
Result<NewKey> make_api_key(ApiKey wanted, WallTime now, Random& random);
Status check_api_key(const ApiKey& key);

// The id within what a client presents; nothing when that has not the form of a
// key.
std::optional<std::string_view> id_of_key(std::string_view presented);
// In a time that does not depend on where they differ.
bool equal_digests(const crypto::Sha256Digest& a, const crypto::Sha256Digest& b);

// The document of home/api_keys.json (docs/formats/api_keys.md). Errors:
// corrupt (what is wrong, and where), unsupported (a newer version).
Result<std::vector<ApiKey>> read_api_keys(std::string_view text);
std::string write_api_keys(const std::vector<ApiKey>& keys);

// RFC 3339 as to_rfc3339() writes it, milliseconds optional. Errors:
// invalid_argument.
Result<WallTime> parse_time(std::string_view text);

}  // namespace accel::security
