// SPDX-License-Identifier: Apache-2.0
#pragma once
// home/api_keys.json on disk: read with suspicion (read_private_file), replaced
// whole and under a lock, so that two commands lose nothing of each other's.
// Beside it api_keys.used.json, which only a daemon writes: when keys were
// used, and what of the day's tokens. Blocks; thread-safe.

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "accel/security/api_key.hpp"
#include "accel/security/key_use.hpp"

namespace accel::security {

// Errors in the file lose what it keeps, and no more.
using KeptUses = std::map<std::string, KeptUse, std::less<>>;  // By the key's id.

Result<KeptUses> read_uses(std::string_view text);
std::string write_uses(const KeptUses& uses);

class KeyFile {
 public:
  explicit KeyFile(std::filesystem::path home) : home_(std::move(home)) {}

  // Tells one state of the file from another; equal while it was not replaced.
  struct Stamp {
    std::uint64_t inode = 0, size = 0;
    std::int64_t changed_ns = 0;
    unsigned mode = 0;
    bool operator==(const Stamp&) const = default;
  };
  Stamp stamp() const;

  // No file: no keys. Errors: those of read_private_file() and read_api_keys():
  // no key counts then.
  Result<std::vector<ApiKey>> load() const;
  // Reads, lets `change` change, and writes. Errors: as load(), those of
  // `change`, and of writing.
  Status update(const std::function<Status(std::vector<ApiKey>&)>& change) const;

  KeptUses load_uses() const;
  Status save_uses(const KeptUses& uses) const;

 private:
  std::filesystem::path file() const { return home_ / "api_keys.json"; }
  std::filesystem::path used_file() const { return home_ / "api_keys.used.json"; }

  std::filesystem::path home_;
};

}  // namespace accel::security
