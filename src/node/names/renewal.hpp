// SPDX-License-Identifier: Apache-2.0
#pragma once
// Signing anew what this node says under a name, beside names that are published meanwhile, by
// this process or another. Used by the publisher. Blocks.

#include "names/publications.hpp"

namespace accel::node {

// sign_and_keep() of what was said before, from `now` on. Nothing when something else has been said
// since: a renewal never takes the place of what it did not see.
Result<std::optional<SignedRecord>> sign_again(const Home& home, blockstore::Store& store,
                                               const crypto::Ed25519Key& key,
                                               const Publication& before, WallTime now);

}  // namespace accel::node
