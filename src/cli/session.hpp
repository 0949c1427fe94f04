// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every command has at hand: global flags, configuration, the way to the node, and how to
// print. One per process, on the main thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "accel/core/config.hpp"
#include "accel/core/result.hpp"
#include "accel/node/home.hpp"
#include "accel/node/node.hpp"

namespace accel::cli {

struct GlobalFlags {
  std::string home;
  std::string config_file;
  std::string log_level;
  std::string api, api_key_file, api_ca;
  bool json = false;
  bool quiet = false;
  bool no_daemon = false;
};

class Session {
 public:
  // Resolves the home and the configuration; opens nothing yet. Settings that can't be used are no
  // error yet: settings_problem() has it, and config() the defaults. Errors: those of the home.
  static Result<std::unique_ptr<Session>> create(GlobalFlags flags, std::stop_token stop);
  ~Session();

  // Calls the node: the one that --api names, else over api.sock when a daemon answers there, else
  // in this process.
  // Progress goes to the progress bar, bytes to `on_bytes` (default: refused).
  using BytesSink = std::function<Status(ByteView)>;
  // Where::here: in this process even when a daemon runs, because standard input is this one's.
  enum class Where : std::uint8_t { anywhere, here };
  Result<nlohmann::json> call(std::string_view method, const nlohmann::json& params,
                              const BytesSink& on_bytes = {}, Where where = Where::anywhere);
  // Whether a daemon answers on home/api.sock, or is named by --api.
  bool has_daemon();

  const GlobalFlags& flags() const { return flags_; }
  const node::Home& home() const { return home_; }
  const Config& config() const { return *config_; }
  // Why the settings can't be used; only what mends them goes on then.
  const Status& settings_problem() const { return settings_problem_; }
  std::stop_token stop() const { return stop_; }

 private:
  Session(GlobalFlags flags, std::stop_token stop) : flags_(std::move(flags)), stop_(stop) {}
  Status load_settings();
  Result<nlohmann::json> call_node_of_api(const std::string& method, const nlohmann::json& params,
                                          const BytesSink& on_bytes, Where where);
  Result<nlohmann::json> call_in_process(std::string_view method, const nlohmann::json& params,
                                         const node::EventSink& sink, std::stop_token stop);

  GlobalFlags flags_;
  std::stop_token stop_;
  node::Home home_;
  std::unique_ptr<Config> config_;
  Status settings_problem_;
  std::unique_ptr<node::Node> node_;
};

}  // namespace accel::cli
