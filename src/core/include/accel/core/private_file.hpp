// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files with secrets. What is looked at is what is read: one descriptor, so that nobody puts
// another file there in between. Used for keys of peers and swarms, keys of endpoints, api.token
// and api_keys.json. Blocks; thread-safe.

#include <cstdint>
#include <filesystem>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel {

struct PrivateFileRules {
  std::uint64_t max_bytes = 4096;
  // Group and others may neither read nor write it.
  bool owner_only = true;
  // No link, with one name, of this process's user, or, for root, of its folder's owner: then
  // nobody else chooses what is read. A command of root on the home of a service must not follow a
  // link that the service has put there. Secrets that are named by their path may be links.
  bool of_own_home = false;
};

// Of a regular file alone; one that is none, as a pipe, holds nobody up. Whoever wants the bytes
// gone wipes them. Errors: not_found, permission_denied (a rule, with what to do),
// resource_exhausted (larger than max_bytes), io.
Result<Bytes> read_private_file(const std::filesystem::path& path, const PrivateFileRules& rules);

}  // namespace accel
