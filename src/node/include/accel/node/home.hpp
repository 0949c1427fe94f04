// SPDX-License-Identifier: Apache-2.0
#pragma once
// The layout of a node's home and its format version (docs/formats/home.md). Everything a node owns
// lies in it. Used by node, server and cli to find sockets, tokens and logs. Plain values;
// thread-safe.

#include <filesystem>
#include <string>

#include "accel/core/result.hpp"

namespace accel::node {

constexpr int kHomeVersion = 1;

struct Home {
  std::filesystem::path root;

  std::filesystem::path config_file() const { return root / "config.json"; }
  std::filesystem::path store() const { return root / "store"; }
  std::filesystem::path downloads() const { return root / "downloads"; }
  std::filesystem::path journal() const { return root / "journal"; }
  std::filesystem::path history() const { return root / "history.duckdb"; }
  std::filesystem::path api_socket() const { return root / "api.sock"; }
  std::filesystem::path api_token() const { return root / "api.token"; }
  std::filesystem::path swarm_key() const { return root / "swarm.key"; }
  std::filesystem::path logs() const { return root / "logs"; }
  std::filesystem::path keys() const { return root / "keys"; }
  std::filesystem::path tls() const { return root / "tls"; }
  std::filesystem::path daemon_lock() const { return root / "daemon.lock"; }
  std::filesystem::path version_file() const { return root / "VERSION"; }

  // Creates the folders that are missing and checks the version.
  // Errors: unsupported (made by a newer version; nothing is touched), permission_denied,
  // resource_exhausted, io.
  static Result<Home> open(const std::filesystem::path& root);
  // Only checks what is there; a missing home is not an error of this call.
  Status check_version() const;
  // The token that calls over TCP can carry, as an admin; made on first use with mode 0600. Errors:
  // permission_denied (a link, or another user's file: it is not read).
  Result<std::string> token() const;
};

// --home, else IPFS_ACCELERATE_HOME, else ~/.ipfs_accelerate. Errors: invalid_argument when no home
// folder is known.
Result<std::filesystem::path> home_path(const std::string& from_flag);

}  // namespace accel::node
