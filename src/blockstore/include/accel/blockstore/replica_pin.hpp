// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whose a pin is that this node holds for other peers. Used by blockstore and node.

#include <string_view>

namespace accel::blockstore {

// A pin of this name is no pin of the user's: it ends with its lease. A merging pin of the user
// makes it the user's, and one of this name leaves a pin of the user's as it is.
inline constexpr std::string_view kReplicaPinName = "kept for other peers";

}  // namespace accel::blockstore
