// SPDX-License-Identifier: Apache-2.0
#pragma once
// TXT records by the system's resolver. Blocks for at most a few seconds: run it on an OffloadPool.
// Used for DNSLink. Thread-safe.

#include <string>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::net {

inline constexpr std::size_t kMaxTxtRecords = 32;

// Each record with its strings joined (RFC 7208 section 3.3). Errors: invalid_argument (no domain
// name), not_found (no such name, no such records), timeout, unavailable (no server answered),
// corrupt (an answer that cannot be read).
Result<std::vector<std::string>> look_up_txt(const std::string& domain);

}  // namespace accel::net
