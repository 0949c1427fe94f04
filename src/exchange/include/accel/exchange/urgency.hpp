// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who goes first when pulls share a link, a limit or a peer. Used by Fetcher, Bitswap and node.

#include <cstdint>

namespace accel::exchange {

enum class Urgency : std::uint8_t {
  foreground,  // Somebody waits for it.
  background,  // Copies for others, what may be needed later: it takes what is left over.
};

}  // namespace accel::exchange
