// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who calls a method, and what that one may: made by Gate for each request, or
// one of the constants here; asked by node before a method runs. Values, cheap
// to copy; thread-safe.

#include <memory>
#include <string>
#include <string_view>

#include "accel/core/priority.hpp"
#include "accel/core/result.hpp"
#include "accel/security/api_key.hpp"
#include "accel/security/key_use.hpp"

namespace accel::security {

struct KeyEntry {
  ApiKey key;
  std::shared_ptr<KeyUse> use;  // Shared with the entries of the same key that came before.
};

struct Principal {
  std::string who = "stranger";  // For the audit log; of a key its id.
  Role role = Role::stranger;
  std::shared_ptr<const KeyEntry> key = nullptr;  // Null for all that have no limits.

  static const Principal process;  // A command in its own process: whose home it is.
  static const Principal socket;   // A client of the home's socket, whose mode is 0600.
  static const Principal token;    // A client over TCP with the token of home/api.token.
  static const Principal stranger;

  // Errors: unauthenticated (a stranger), permission_denied (names the role
  // that it takes).
  Status may_call(std::string_view method) const;
  Status may_name(std::string_view method, std::string_view parameter) const;
  // Whether its key is for this model, by the name that was asked for: another
  // name of the same content counts as another one. Errors: permission_denied.
  Status may_run(std::string_view model) const;
  // Tokens of one answer at most; 0: no limit.
  std::uint64_t max_tokens() const { return key ? key->key.limits.max_tokens : 0; }
  // The most urgent level that it may ask for. The owner may ask for any.
  Priority best_priority() const;
  void spend(std::uint64_t tokens) const;
  // `what` begins the sentence. Errors: as may_call().
  Status needs(Role least, std::string_view what) const;
};

}  // namespace accel::security
