// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "accel/core/log.hpp"
#include "accel/net/endpoint.hpp"
#include "accel/node/settings.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "remote.hpp"

namespace accel::cli {
namespace {

Status configure_logs(const Config& config) {
  log::Options options;
  ACCEL_TRY(options.level, log::level_from_name(config.get<std::string>("logging.level")));
  options.json = config.get<std::string>("logging.format") == "json";
  options.file = config.get<std::string>("logging.file");
  return log::configure(options);
}

}  // namespace

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(GlobalFlags flags, std::stop_token stop) {
  ACCEL_TRY(const std::filesystem::path root, node::home_path(flags.home));
  std::unique_ptr<Session> session(new Session(std::move(flags), stop));  // tidy: raw-new: private
  session->home_ = node::Home{root};
  ACCEL_CHECK(session->home_.check_version());
  session->settings_problem_ = session->load_settings();
  if (session->settings_problem_) return session;
  ACCEL_TRY(Config defaults, Config::load(node::settings_registry(), {}));
  session->config_ = std::make_unique<Config>(std::move(defaults));
  return session;
}

Status Session::load_settings() {
  node::SettingsRequest request{
      .home = home_, .project_file = flags_.config_file, .command_line = {}};
  if (!flags_.log_level.empty()) request.command_line["logging.level"] = flags_.log_level;
  ACCEL_TRY(Config config, node::load_settings(request));
  config_ = std::make_unique<Config>(std::move(config));
  return configure_logs(*config_);
}

namespace {

// Files that are named by a path are those of the machine that the node runs on.
Status check_remote(std::string_view method, const nlohmann::json& params, Session::Where where) {
  constexpr std::array kOfFiles{"content.add", "content.adopt", "content.get",
                                "dag.import",  "key.export",    "key.import"};
  const bool of_files = std::ranges::find(kOfFiles, method) != kOfFiles.end();
  const auto is_given = [&](const char* name) {
    const auto found = params.find(name);
    return found != params.end() && found->is_string() && *found != "";
  };
  const bool names_file =
      is_given("output") || is_given("key_file") || (is_given("path") && method != "name.publish");
  if (!of_files && !names_file && where == Session::Where::anywhere) return {};
  return fail(Errc::unsupported,
              "{} is about files of this machine, and --api names a node on another one; do it "
              "there.",
              method);
}

}  // namespace

Result<nlohmann::json> Session::call_node_of_api(const std::string& method,
                                                 const nlohmann::json& params,
                                                 const BytesSink& on_bytes, Where where) {
  ACCEL_CHECK(check_remote(method, params, where));
  ACCEL_TRY(const RemoteNode node, remote_node(flags_.api, flags_.api_key_file, flags_.api_ca));
  ProgressLine progress(system_clock(), ::isatty(STDERR_FILENO) == 1, flags_.quiet);
  const auto show = [&](const nlohmann::json& step) { progress.show(step); };
  return call_remote({{}, &node, method, params, stop_}, show, on_bytes);
}

bool Session::has_daemon() {
  if (!flags_.api.empty()) return true;
  return !flags_.no_daemon && net::can_connect(net::UnixEndpoint{home_.api_socket()});
}

Result<nlohmann::json> Session::call(std::string_view method, const nlohmann::json& params,
                                     const BytesSink& on_bytes, Where where) {
  if (!flags_.api.empty()) return call_node_of_api(std::string(method), params, on_bytes, where);
  ProgressLine progress(system_clock(), ::isatty(STDERR_FILENO) == 1, flags_.quiet);
  if (where == Where::anywhere && has_daemon()) {
    const RemoteCall remote{home_.api_socket(), nullptr, std::string(method), params, stop_};
    return call_remote(remote, [&](const nlohmann::json& step) { progress.show(step); }, on_bytes);
  }
  // Content may come from a worker's thread; the first failure to print it ends the command.
  Status printed;
  std::stop_source source;
  const std::stop_callback forward(stop_, [&] { source.request_stop(); });
  const auto sink = [&](const node::Event& event) {
    if (event.progress != nullptr) return progress.show(*event.progress);
    if (!printed) return;
    printed = on_bytes ? on_bytes(event.bytes) : Status{};
    if (!printed) source.request_stop();
  };
  Result<nlohmann::json> result = call_in_process(method, params, sink, source.get_token());
  if (!printed) return fail(printed.error());
  const bool by_user = !result && result.error().code == Errc::cancelled && stop_.stop_requested();
  if (by_user) return fail(stopped(method));
  return result;
}

Result<nlohmann::json> Session::call_in_process(std::string_view method,
                                                const nlohmann::json& params,
                                                const node::EventSink& sink, std::stop_token stop) {
  if (!node_) {
    ACCEL_TRY(node_, node::Node::open({.home = home_.root, .is_daemon = false}, *config_));
  }
  return node_->call(method, params, sink, std::move(stop), node::Caller::process);
}

}  // namespace accel::cli
