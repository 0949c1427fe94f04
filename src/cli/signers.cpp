// SPDX-License-Identifier: Apache-2.0
#include "signers.hpp"

#include "output.hpp"

namespace accel::cli {

void print_signers(const nlohmann::json& result) {
  const auto signers = result.find("signers");
  if (signers == result.end()) return;
  for (const nlohmann::json& row : *signers) {
    print_note(fmt::format("/ipns/{} -> {}: signed by {}, sequence {}, until {} (from {})",
                           row.value("name", ""), row.value("value", ""), row.value("signer", ""),
                           row.value("sequence", std::uint64_t{0}), row.value("valid_until", ""),
                           row.value("from", "")));
  }
}

}  // namespace accel::cli
