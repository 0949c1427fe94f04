// SPDX-License-Identifier: Apache-2.0
#pragma once
// Files with secrets, read so that nobody else chooses what is read: a command
// of root on the home of a service must not follow a link that the service has
// put there. Used for api.token and api_keys.json. Blocks; thread-safe.

#include <cstdint>
#include <filesystem>
#include <string>

#include "accel/core/result.hpp"

namespace accel::security {

enum class Mode { any, owner_only };

// The text of a regular file that is no link and belongs to this process's
// user, or, for root, to the owner of its folder. owner_only: a file that group
// or others may read or write is refused. Errors: not_found, permission_denied
// (one of these, with what to do), resource_exhausted (larger than the limit),
// io.
Result<std::string> read_private_file(const std::filesystem::path &path,
                                      std::uint64_t limit_bytes, Mode mode);

} // namespace accel::security
