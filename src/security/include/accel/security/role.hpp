// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a caller may do: roles, each of which may all that the ones before it
// may, and the one table that says which role a method of the node takes at
// least. Used by node, which asks for each call, and by server, which asks
// before it reads a body. Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::security {

enum class Role : std::uint8_t {
  stranger,   // No key: only what is open.
  read,       // Status, metrics, lists of models; no stored content.
  inference,  // Runs models that are here.
  operate,    // "operator": loads, unloads, pulls, pins, reads what is stored.
  admin,      // All: keys, and what reads or writes files of the node's machine by
              // their path.
};

inline bool may(Role has, Role needs) { return has >= needs; }

std::string_view role_name(Role role);
// Of the names that a key can have: read, inference, operator, admin. Errors:
// invalid_argument.
Result<Role> role_from_name(std::string_view name);

struct MethodRole {
  std::string_view method;
  Role least;
};
// Sorted by name.
std::span<const MethodRole> method_roles();
// Nothing for a method that the table does not have: nobody over TCP may call
// it then.
std::optional<Role> least_role(std::string_view method);
// What naming a parameter of it takes besides; stranger: nothing more.
Role least_role_of_parameter(std::string_view method, std::string_view parameter);

}  // namespace accel::security
