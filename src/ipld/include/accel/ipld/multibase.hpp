// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text that says in its first character how it spells bytes. Used by CIDs, and later by IPNS names
// and multiaddrs. Pure functions. Spec: multiformats/multibase (RFC 4648 for base16, base32,
// base64url).

#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"

namespace accel::ipld {

enum class Multibase : char {
  base16 = 'f',
  base16_upper = 'F',
  base32 = 'b',  // RFC 4648, lower case, no padding.
  base32_upper = 'B',
  base36 = 'k',
  base36_upper = 'K',
  base58btc = 'z',
  base64 = 'm',     // No padding.
  base64url = 'u',  // No padding.
};

// Longest text that multibase_decode() reads, and base_decode() where it costs time quadratic in
// it: base36 and base58btc.
inline constexpr std::size_t kMaxMultibaseText = 4096;

// The prefix character and the digits.
std::string multibase_encode(Multibase base, ByteView bytes);

// Base16, base32 and base36 are read in either case, whichever prefix stands in front (the spec
// asks for it). Errors: invalid_argument (unknown prefix, a foreign digit, bits left over that are
// not zero, too long).
Result<Bytes> multibase_decode(std::string_view text);

// The same without the prefix character: CIDv0 and peer ids are bare base58btc.
std::string base_encode(Multibase base, ByteView bytes);
Result<Bytes> base_decode(Multibase base, std::string_view digits);

}  // namespace accel::ipld
