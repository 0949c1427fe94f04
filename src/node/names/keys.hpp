// SPDX-License-Identifier: Apache-2.0
#pragma once
// The keys that sign this node's names: one file each under home/keys, mode 0600, in libp2p's
// protobuf; "self" is the key of the node itself. Used by the key and name methods. Plain functions
// over files: every call blocks; several processes agree by a lock. Nothing here prints a key.

#include <filesystem>
#include <string>
#include <vector>

#include "accel/core/random.hpp"
#include "accel/crypto/ed25519.hpp"
#include "accel/ipld/ipns_name.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

inline constexpr std::string_view kSelfKey = "self";
inline constexpr std::size_t kMaxKeys = 10'000;
inline constexpr std::size_t kMaxKeyNameBytes = 128;

struct NamedKey {
  std::string name;
  ipld::IpnsName id;
};

class Keys {
 public:
  explicit Keys(Home home) : home_(std::move(home)) {}

  // "self" first, then by name. Errors: those of the files.
  Result<std::vector<NamedKey>> list() const;
  // By the key's name, or by the IPNS name or peer id that it signs for. Errors: not_found.
  Result<crypto::Ed25519Key> find(const std::string& text) const;
  // The name of the key that signs for `id`. Errors: not_found.
  Result<std::string> name_of(const ipld::IpnsName& id) const;
  // Errors: already_exists (also the same key under another name), invalid_argument (the name),
  // resource_exhausted.
  Result<NamedKey> generate(const std::string& name, Random& random);
  Result<NamedKey> add(const std::string& name, const crypto::Ed25519Key& key);
  // With `replace` a key of that name is lost. Errors: not_found, already_exists, invalid_argument.
  Status rename(const std::string& from, const std::string& to, bool replace);
  Result<NamedKey> remove(const std::string& name);

 private:
  std::filesystem::path file_of(const std::string& name) const;
  Result<std::vector<std::string>> file_names() const;

  Home home_;
};

// Letters, digits, '.', '_' and '-', not first '.' or '-'; not "self". Errors: invalid_argument.
Status check_key_name(const std::string& name);

}  // namespace accel::node
