// SPDX-License-Identifier: Apache-2.0
#pragma once
// The key that the members of a private swarm share, in the file format of Kubo's swarm.key. Used
// by node. Spec: libp2p/specs pnet/Private-Networks-PSK-V1.md.

#include <filesystem>

#include "accel/core/random.hpp"
#include "accel/core/result.hpp"
#include "accel/crypto/secret.hpp"

namespace accel::libp2p {

// Three lines: /key/swarm/psk/1.0.0/, the encoding (/base16/, /base64/ or /bin/), the key of 32
// bytes. Errors: invalid_argument.
Result<crypto::Secret32> parse_swarm_key(ByteView text);
// Base16, with a line's end behind.
std::string write_swarm_key(const crypto::Secret32& key);

// Errors: those of parse_swarm_key() with the file's name, permission_denied (others may read it),
// not_found, io.
Result<crypto::Secret32> load_swarm_key(const std::filesystem::path& file);
crypto::Secret32 make_swarm_key(Random& random);

}  // namespace accel::libp2p
