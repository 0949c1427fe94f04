// SPDX-License-Identifier: Apache-2.0
// daemon, status, doctor, version: the node itself.
#include <memory>
#include <utility>

#include "accel/net/access.hpp"
#include "accel/net/endpoint.hpp"
#include "accel/node/build_info.hpp"
#include "accel/node/gateway_tls.hpp"
#include "accel/server/api_server.hpp"

#include "api_lines.hpp"
#include "command.hpp"
#include "interrupt.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

constexpr const char* kServedApi = "127.0.0.1:5080";  // Of `serve`, where nothing says another.

struct DaemonFlags {
  std::string api, grpc, gateway, gateway_tls;
  std::vector<std::string> swarm;
  bool kubo_rpc = false;
  bool serves = false;  // Over TCP in any case.
};

Result<std::optional<net::Endpoint>> endpoint_of(const std::string& text) {
  if (text.empty()) return std::optional<net::Endpoint>();
  ACCEL_TRY(net::Endpoint endpoint, net::parse_endpoint(text));
  return std::optional<net::Endpoint>(std::move(endpoint));
}

// What --swarm without an address means: loopback and the port that IPFS nodes use.
constexpr const char* kDefaultSwarm = "/ip4/127.0.0.1/tcp/4001";

// Where peers find this node; empty when it has no swarm.
json swarm_addresses(node::Node& node, bool has_swarm) {
  if (!has_swarm) return json::array();
  const auto id = node.call("node.id", json::object(), {}, {}, node::Caller::process);
  return id ? id->at("addresses") : json::array();
}

Status print_listeners(Session& session, const server::ApiServer& server, const json& swarm) {
  const json where{{"api_socket", session.home().api_socket().string()},
                   {"api", server.api_address()},
                   {"grpc", server.grpc_address()},
                   {"gateway", server.gateway_address()},
                   {"gateway_tls", server.gateway_tls_address()},
                   {"swarm", swarm},
                   {"home", session.home().root.string()},
                   {"ready", true}};
  if (session.flags().json) return print_line(where.dump());
  ACCEL_CHECK(print_line("home     " + session.home().root.string()));
  ACCEL_CHECK(print_line("socket   " + session.home().api_socket().string()));
  if (!server.api_address().empty()) {
    ACCEL_CHECK(print_line("api      " + server.api_address()));
    ACCEL_CHECK(print_line("page     " + page_url(server.api_address()) +
                           " (`ipfs-accelerate dashboard` prints a link that signs in)"));
  }
  if (!server.grpc_address().empty()) ACCEL_CHECK(print_line("grpc     " + server.grpc_address()));
  if (!server.gateway_address().empty())
    ACCEL_CHECK(print_line("gateway  " + server.gateway_address()));
  if (!server.gateway_tls_address().empty())
    ACCEL_CHECK(print_line("gateway  " + server.gateway_tls_address()));
  for (const json& address : swarm) {
    ACCEL_CHECK(print_line("swarm    " + address.get<std::string>()));
  }
  ACCEL_CHECK(print_line("try      " + curl_line(server.api_address(), session.home())));
  return print_line("ready; stop with Ctrl-C");
}

bool is_on_network(const std::optional<net::Endpoint>& endpoint) {
  const auto* const tcp = endpoint ? std::get_if<net::TcpEndpoint>(&*endpoint) : nullptr;
  return tcp != nullptr && !net::is_loopback_host(tcp->host);
}

void warn_of_clear_keys(const server::ServerOptions& options) {
  if (options.api_tls || !(is_on_network(options.api) || is_on_network(options.grpc))) return;
  print_note(
      "the API is open to the network without TLS: keys and contents travel in clear; set "
      "api.tls_certificate and api.tls_key");
}

// A daemon does its work also where its traces can't be sent.
std::optional<server::TelemetryOptions> telemetry_of(const Config& config) {
  auto options = server::telemetry_options(config, process_environment());
  if (options) return *std::move(options);
  print_note("traces are off: " + options.error().message);
  return std::nullopt;
}

// Calls of models are asked to stop; one that is inside an engine comes to its end first.
std::string stopping_words(node::Node& node) {
  std::uint64_t busy = 0;
  const auto loaded = node.call("models.loaded", json::object(), {}, {}, node::Caller::process);
  const json none = json::array();
  for (const json& model : loaded ? loaded->at("models") : none)
    busy += model.value("busy", std::uint64_t{0});
  if (busy == 0) return "stopping; Ctrl-C again ends now";
  return fmt::format("stopping: waits for {} {} of models; Ctrl-C again ends now", busy,
                     busy == 1 ? "call" : "calls");
}

Status run_daemon(Session& session, const DaemonFlags& flags) {
  server::ServerOptions options;
  const auto text_or = [&](const std::string& flag, const char* key) {
    return flag.empty() ? session.config().get<std::string>(key) : flag;
  };
  ACCEL_TRY(options.api, endpoint_of(text_or(flags.api, "listen.api")));
  if (!options.api && flags.serves) {
    ACCEL_TRY(options.api, endpoint_of(kServedApi));
  }
  ACCEL_TRY(options.grpc, endpoint_of(text_or(flags.grpc, "listen.grpc")));
  ACCEL_TRY(options.gateway, endpoint_of(text_or(flags.gateway, "listen.gateway")));
  ACCEL_TRY(options.gateway_tls, endpoint_of(text_or(flags.gateway_tls, "listen.gateway_tls")));
  if (options.gateway_tls) {
    ACCEL_TRY(options.tls, node::gateway_tls(session.home(), session.config()));
  }
  ACCEL_TRY(options.api_tls, node::api_tls(session.config()));
  options.hosts = session.config().get<ConfigList>("api.hosts");
  warn_of_clear_keys(options);
  options.kubo_rpc = flags.kubo_rpc || session.config().get<bool>("server.kubo_rpc");
  options.kubo_rpc_upload =
      static_cast<std::uint64_t>(session.config().get<std::int64_t>("server.kubo_rpc_upload"));
  options.max_request_time =
      session.config().get<std::chrono::milliseconds>("server.max_request_time");
  options.telemetry = telemetry_of(session.config());
  node::NodeOptions own{.home = session.home().root, .is_daemon = true};
  own.swarm = flags.swarm;
  const bool has_swarm =
      !own.swarm.empty() || !session.config().get<ConfigList>("listen.swarm").empty();
  ACCEL_TRY(auto node, node::Node::open(own, session.config()));
  ACCEL_TRY(auto server, server::ApiServer::start(*node, session.home(), options));
  ACCEL_CHECK(print_listeners(session, *server, swarm_addresses(*node, has_swarm)));
  wait_for_stop(session.stop());
  print_note(stopping_words(*node));
  server->stop();
  server.reset();  // It waits for what runs.
  node.reset();
  print_note("stopped");
  return {};
}

void add_daemon_flags(CLI::App* command, Selection& selection,
                      const std::shared_ptr<DaemonFlags>& flags) {
  command->add_option("--api", flags->api,
                      flags->serves
                          ? fmt::format("Serve the API on TCP, HOST:PORT (default: {})", kServedApi)
                          : "Serve the API on TCP, HOST:PORT (default: only the home's socket)");
  command->add_option("--grpc", flags->grpc,
                      "Serve it on one more address, HOST:PORT, for clients of gRPC (default: "
                      "--api speaks gRPC too)");
  command->add_flag("--kubo-rpc", flags->kubo_rpc,
                    "Serve Kubo's RPC (/api/v0) beside the API, with the same token");
  command->add_option("--gateway", flags->gateway,
                      "Serve public content on TCP, HOST:PORT; port 0 picks one");
  command->add_option(
      "--gateway-tls", flags->gateway_tls,
      "The same with TLS and HTTP/2; gateway.tls_certificate names the certificate");
  command
      ->add_option(
          "--swarm", flags->swarm,
          "Meet peers over libp2p at a multiaddr, with /ws behind it for WebSocket; may be "
          "given again (without one: loopback, port 4001)")
      ->expected(0, 1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->default_str(kDefaultSwarm);
  on_chosen(command, selection, [flags](Session& session) { return run_daemon(session, *flags); });
}

void add_daemon(CLI::App& app, Selection& selection) {
  CLI::App* const command = add_command(
      app, "daemon", "Run the node: other commands then talk to it, gateways serve its content",
      "  ipfs-accelerate daemon --gateway 127.0.0.1:8080\n"
      "  ipfs-accelerate daemon --swarm /ip4/0.0.0.0/tcp/4001 --swarm /ip4/0.0.0.0/tcp/4002/ws\n"
      "  ipfs-accelerate daemon --api 127.0.0.1:5080 --gateway 127.0.0.1:0 --json");
  add_daemon_flags(command, selection, std::make_shared<DaemonFlags>());
}

void add_serve(CLI::App& app, Selection& selection) {
  CLI::App* const command =
      add_command(app, "serve", "Run the daemon with its API on TCP: models for other programs",
                  "  ipfs-accelerate serve\n"
                  "  ipfs-accelerate serve --api 127.0.0.1:8000 --gateway 127.0.0.1:8080");
  auto flags = std::make_shared<DaemonFlags>();
  flags->serves = true;
  add_daemon_flags(command, selection, flags);
}

void add_status(CLI::App& app, Selection& selection) {
  CLI::App* command =
      add_command(app, "status", "Say whether a daemon runs and what the home holds",
                  "  ipfs-accelerate status --json");
  on_chosen(command, selection, [](Session& session) -> Status {
    const bool daemon = session.has_daemon();
    ACCEL_TRY(json result, session.call("node.status", json::object()));
    result["daemon"] = daemon;
    if (!daemon) result.erase("pid");  // It would be this command's own.
    if (session.flags().json) return print_json(result);
    for (const auto& [name, value] : result.items()) {
      ACCEL_CHECK(print_line(fmt::format(
          "{:16} {}", name, value.is_string() ? value.get<std::string>() : value.dump())));
    }
    return {};
  });
}

void add_settings_check(const Status& problem, json& report) {
  json row{{"what", "settings"}, {"ok", problem.has_value()}, {"found", "can be used"}};
  if (!problem) {
    report["healthy"] = false;
    row["found"] = problem.error().message;
    row["advice"] = "mend it with `config set KEY VALUE` or `config unset KEY`, or edit the file";
  }
  report.at("checks").push_back(std::move(row));
}

void add_doctor(CLI::App& app, Selection& selection) {
  CLI::App* command =
      add_command(app, "doctor", "Check a home and say what to do", "  ipfs-accelerate doctor");
  on_chosen_to_mend(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(json result, session.call("node.doctor", json::object()));
    add_settings_check(session.settings_problem(), result);
    if (session.flags().json) {
      ACCEL_CHECK(print_json(result));
    } else {
      for (const json& check : result.at("checks")) {
        const std::string advice = check.value("advice", std::string());
        ACCEL_CHECK(print_line(
            fmt::format("{:4} {:10} {}{}", check.value("ok", false) ? "ok" : "BAD",
                        check.at("what").get<std::string>(), check.value("found", std::string()),
                        advice.empty() ? "" : "; " + advice)));
      }
    }
    if (result.value("healthy", false)) return {};
    return fail(Errc::unavailable, "The home has problems; each line marked BAD says what to do.");
  });
}

void add_version(CLI::App& app, Selection& selection) {
  CLI::App* command =
      add_command(app, "version", "Print the version", "  ipfs-accelerate version --json");
  on_chosen(command, selection, [](Session& session) -> Status {
    const std::string version(node::kVersion);
    if (session.flags().json) {
      return print_json(json{
          {"version", version}, {"home_format", node::kHomeVersion}, {"compiler", __VERSION__}});
    }
    return print_line("ipfs-accelerate " + version);
  });
}

}  // namespace

void add_node_commands(CLI::App& app, Selection& selection) {
  add_daemon(app, selection);
  add_serve(app, selection);
  add_status(app, selection);
  add_doctor(app, selection);
  add_version(app, selection);
}

}  // namespace accel::cli
