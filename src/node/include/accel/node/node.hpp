// SPDX-License-Identifier: Apache-2.0
#pragma once
// The facade: every capability of a node as a named method with JSON in and out. server, cli and
// later bindings use it and nothing below it. A Node owns its home's services, its threads and
// their lifetimes; modules below never see each other.
//
// Threads: call() blocks and may run on many threads at once. Ownership: values in, values out; the
// sink is called on the calling thread or on a worker of the node, one event at a time, and never
// after call() has returned.

#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/config.hpp"
#include "accel/core/result.hpp"
#include "accel/security/principal.hpp"

namespace accel::gateway {
class Gateway;
}
namespace accel::security {
class Gate;
}

namespace accel::node {

// One step of a running method: progress as JSON, or a piece of content (`cat`) as bytes. Both are
// borrowed for the call.
struct Event {
  const nlohmann::json* progress = nullptr;
  ByteView bytes;
};
using EventSink = std::function<void(const Event&)>;

// Who may call a method over TCP: open ones need nothing, the others a key or the token of
// home/api.token, with the role that security::least_role() says.
enum class Access { open, token };

struct MethodInfo {
  std::string_view name;  // For example "content.add"; the route is POST /api/v1/<name>.
  std::string_view summary;
  Access access = Access::token;
};

// Who calls: what it may, and how the audit log names it. Caller::process is a command in its own
// process, Caller::socket a client of the home's socket, Caller::token one over TCP with the token.
using Caller = security::Principal;

struct NodeOptions {
  std::filesystem::path home;
  bool is_daemon = false;            // Owns the home: flock, kept sessions, ingestion.
  std::vector<std::string> swarm{};  // Where a daemon meets peers, instead of listen.swarm.
};

class Node {
 public:
  // Opens (or creates) the home. `config` must outlive the node.
  // Errors: unavailable (another daemon owns the home, for a daemon), unsupported (a home of a
  // newer version), permission_denied, io.
  static Result<std::unique_ptr<Node>> open(const NodeOptions& options, const Config& config);
  ~Node();

  // Runs one method to its end, if the caller may. Errors: not_found (no such method),
  // unauthenticated and permission_denied (the caller's role, or its key's models),
  // invalid_argument (a parameter), and the method's own. cancelled when `stop` was requested and
  // the work has come to rest.
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params,
                              const EventSink& on_event, std::stop_token stop,
                              const Caller& caller);

  // Whether a call is expected to be over in less time than its way to another thread takes, by
  // what it took lately. A guess: it may take longer.
  bool expects_brief(std::string_view method, const nlohmann::json& params) const;

  static std::span<const MethodInfo> methods();
  static const MethodInfo* find_method(std::string_view name);  // Null when there is none.

  // Prometheus text of everything the node counts.
  std::string metrics_text() const;
  // The gateway over this node's store; built on first use. Errors: as opening the store.
  Result<gateway::Gateway*> gateway();
  // Where the gateway listens, for what it answers about who has what. Errors are logged.
  void announce_gateways(const std::vector<std::string>& urls);
  const std::filesystem::path& home() const;
  // Who a client's credential belongs to; it knows the home's API keys.
  security::Gate& gate();

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::node
