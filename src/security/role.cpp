// SPDX-License-Identifier: Apache-2.0
#include "accel/security/role.hpp"

#include <algorithm>
#include <array>

namespace accel::security {
namespace {

constexpr std::array<std::string_view, 5> kNames{
    "stranger", "read", "inference", "operator", "admin"};

// admin where the method is about files of the node's machine: who can add any
// file to the store and read it there can read home/api.token. Where only a
// parameter is, see kParameters.
constexpr std::array kRoles{
    MethodRole{"api_keys.create", Role::admin},
    MethodRole{"api_keys.list", Role::admin},
    MethodRole{"api_keys.revoke", Role::admin},
    MethodRole{"bitswap.stat", Role::read},
    MethodRole{"block.get", Role::operate},
    MethodRole{"block.put", Role::operate},
    MethodRole{"block.stat", Role::operate},
    MethodRole{"content.add", Role::admin},
    MethodRole{"content.adopt", Role::admin},
    MethodRole{"content.cat", Role::operate},
    MethodRole{"content.get", Role::admin},
    MethodRole{"content.ls", Role::operate},
    MethodRole{"content.pull", Role::operate},
    MethodRole{"content.tar", Role::operate},
    MethodRole{"content.tensors", Role::operate},
    MethodRole{"dag.diff", Role::operate},
    MethodRole{"dag.export", Role::operate},
    MethodRole{"dag.get", Role::operate},
    MethodRole{"dag.import", Role::admin},
    MethodRole{"dag.put", Role::operate},
    MethodRole{"dag.stat", Role::operate},
    MethodRole{"endpoints.add", Role::admin},
    MethodRole{"endpoints.list", Role::read},
    MethodRole{"endpoints.rm", Role::admin},
    MethodRole{"endpoints.stats", Role::read},
    MethodRole{"endpoints.test", Role::operate},
    MethodRole{"hardware.detect", Role::read},
    MethodRole{"hardware.profile", Role::operate},
    MethodRole{"history.query", Role::operate},
    MethodRole{"history.report", Role::read},
    MethodRole{"key.export", Role::admin},
    MethodRole{"key.gen", Role::admin},
    MethodRole{"key.import", Role::admin},
    MethodRole{"key.list", Role::operate},
    MethodRole{"key.rename", Role::admin},
    MethodRole{"key.rm", Role::admin},
    MethodRole{"model.infer", Role::inference},
    MethodRole{"model.signature", Role::inference},
    MethodRole{"models.families", Role::read},
    MethodRole{"models.list", Role::read},
    MethodRole{"models.load", Role::operate},
    MethodRole{"models.loaded", Role::read},
    MethodRole{"models.publish", Role::admin},
    MethodRole{"models.show", Role::read},
    MethodRole{"models.stats", Role::read},
    MethodRole{"models.unload", Role::operate},
    MethodRole{"name.publish", Role::operate},
    MethodRole{"name.published", Role::operate},
    MethodRole{"name.resolve", Role::operate},
    MethodRole{"network.analytics", Role::read},
    MethodRole{"network.prefetch", Role::read},
    MethodRole{"network.topology", Role::read},
    MethodRole{"node.doctor", Role::operate},
    MethodRole{"node.id", Role::read},
    MethodRole{"node.status", Role::stranger},
    MethodRole{"pin.add", Role::operate},
    MethodRole{"pin.ls", Role::operate},
    MethodRole{"pin.rm", Role::operate},
    MethodRole{"pin.update", Role::operate},
    MethodRole{"pin.verify", Role::operate},
    MethodRole{"replicate.add", Role::operate},
    MethodRole{"replicate.list", Role::operate},
    MethodRole{"replicate.remove", Role::operate},
    MethodRole{"routing.dht", Role::read},
    MethodRole{"routing.findpeer", Role::operate},
    MethodRole{"routing.findprovs", Role::operate},
    MethodRole{"routing.get", Role::operate},
    MethodRole{"routing.provide", Role::operate},
    MethodRole{"routing.put", Role::operate},
    MethodRole{"run", Role::inference},
    MethodRole{"store.du", Role::operate},
    MethodRole{"store.gc", Role::operate},
    MethodRole{"store.repair", Role::operate},
    MethodRole{"store.stat", Role::read},
    MethodRole{"store.verify", Role::operate},
    MethodRole{"swarm.connect", Role::operate},
    MethodRole{"swarm.disconnect", Role::operate},
    MethodRole{"swarm.make_key", Role::admin},
    MethodRole{"swarm.peers", Role::read},
    MethodRole{"swarm.perf", Role::operate},
    MethodRole{"swarm.ping", Role::operate},
    MethodRole{"text.generate", Role::inference},
};
static_assert(std::ranges::is_sorted(kRoles, {}, &MethodRole::method));

struct ParameterRole {
  std::string_view method; // Empty: of any.
  std::string_view parameter;
  Role least;
};
// Files of the node's machine are an administrator's; where a pull asks is an
// operator's, for it makes the node send requests to whom the caller names.
constexpr std::array kParameters{
    ParameterRole{"block.put", "path", Role::admin},
    ParameterRole{"dag.put", "path", Role::admin},
    ParameterRole{"", "file_sources", Role::operate},
    ParameterRole{"", "output", Role::admin},
    ParameterRole{"", "peers", Role::operate},
    ParameterRole{"", "routers", Role::operate},
    ParameterRole{"", "sources", Role::operate},
};

} // namespace

std::string_view role_name(Role role) {
  return kNames.at(static_cast<std::size_t>(role));
}

Result<Role> role_from_name(std::string_view name) {
  for (const Role role :
       {Role::read, Role::inference, Role::operate, Role::admin}) {
    if (role_name(role) == name)
      return role;
  }
  return fail(
      Errc::invalid_argument,
      "A role is one of read, inference, operator and admin, not \"{}\".",
      name.substr(0, 32));
}

std::span<const MethodRole> method_roles() { return kRoles; }

std::optional<Role> least_role(std::string_view method) {
  const auto *const found =
      std::ranges::lower_bound(kRoles, method, {}, &MethodRole::method);
  if (found == kRoles.end() || found->method != method)
    return std::nullopt;
  return found->least;
}

Role least_role_of_parameter(std::string_view method,
                             std::string_view parameter) {
  for (const ParameterRole &row : kParameters) {
    if (row.parameter == parameter &&
        (row.method.empty() || row.method == method))
      return row.least;
  }
  return Role::stranger;
}

} // namespace accel::security
