// SPDX-License-Identifier: Apache-2.0
#pragma once
// TXT records by the system's resolver. Blocks for at most a few seconds: run it on an OffloadPool.
// Used for DNSLink and for /dnsaddr. Thread-safe.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::net {

inline constexpr std::size_t kMaxTxtRecords = 32;

// Who is asked instead of the system's servers.
struct DnsServer {
  std::string ip4;
  std::uint16_t port = 53;
};

// Each record with its strings joined (RFC 7208 section 3.3). Errors: invalid_argument (no domain
// name), not_found (no such name, no such records), timeout, unavailable (no server answered),
// corrupt (an answer that cannot be read).
Result<std::vector<std::string>> look_up_txt(const std::string& domain,
                                             const std::optional<DnsServer>& server = {});

}  // namespace accel::net
