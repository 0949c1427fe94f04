// SPDX-License-Identifier: Apache-2.0
#pragma once
// Calls a daemon's method: over its Unix socket, or on another machine over HTTP(S) with a key.
// Blocks; a stop request closes the connection, which stops the method.

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::cli {

// Where a daemon is that was named by its URL.
struct RemoteNode {
  std::string url;      // "https://node.example:5080"
  std::string key;      // Empty: none is sent.
  std::string ca_file;  // Certificates in PEM, trusted besides the system's; may be empty.
};
// `key_file` as --api-key-file has it; without it IPFS_ACCELERATE_API_KEY counts. Errors:
// invalid_argument (the URL, or one that would send the key in clear over a network), and of
// reading the file.
Result<RemoteNode> remote_node(const std::string& url, const std::string& key_file,
                               const std::string& ca_file);

struct RemoteCall {
  std::filesystem::path socket;
  const RemoteNode* node = nullptr;  // Instead of the socket.
  std::string method;
  const nlohmann::json& params;
  std::stop_token stop;
};

// What is said to who stopped a method: whether something stays that the next one goes on from.
Error stopped(std::string_view method);

// Errors: the method's own; unavailable (the daemon is gone), protocol, cancelled; of another
// machine's also unauthenticated, permission_denied, and of reaching it.
Result<nlohmann::json> call_remote(const RemoteCall& call,
                                   const std::function<void(const nlohmann::json&)>& on_progress,
                                   const std::function<Status(ByteView)>& on_bytes);

}  // namespace accel::cli
