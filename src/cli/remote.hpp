// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls a daemon's method over its Unix socket. Blocks; a stop request closes the connection, which
// stops the method.

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::cli {

struct RemoteCall {
  std::filesystem::path socket;
  std::string method;
  const nlohmann::json& params;
  std::stop_token stop;
};

// Errors: the method's own; unavailable (the daemon is gone), protocol, cancelled.
Result<nlohmann::json> call_remote(const RemoteCall& call,
                                   const std::function<void(const nlohmann::json&)>& on_progress,
                                   const std::function<Status(ByteView)>& on_bytes);

}  // namespace accel::cli
