// SPDX-License-Identifier: Apache-2.0
#pragma once
// The configuration keys of a node (docs/configuration.md is made from them), where their values
// come from, and which project files the user trusts. Used by node and cli. Plain functions.

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "accel/core/config.hpp"
#include "accel/node/home.hpp"

namespace accel::node {

const ConfigRegistry& settings_registry();

struct SettingsRequest {
  Home home;
  std::filesystem::path project_file;               // From --config; counts without further trust.
  std::map<std::string, std::string> command_line;  // key -> value
};

// Command line > environment > home/config.json > project file > defaults. A project file
// ./ipfs_accelerate.json counts only when trust_project_file() has seen exactly these bytes at this
// path; else it is named in a log line and skipped. Errors: invalid_argument (unknown key, wrong
// type: names the place), unsupported, not_found (--config), io.
Result<Config> load_settings(const SettingsRequest& request);

// Change home/config.json; the audit log names the key, never the value. Errors: as
// set_config_value() and unset_config_value(); of swarm.psk those of reading that file.
Status set_setting(const Home& home, std::string_view key, const std::string& value);
Status unset_setting(const Home& home, std::string_view key);

// Remembers a project file by path and hash. Errors: not_found, io, and what its content violates.
Status trust_project_file(const Home& home, const std::filesystem::path& file);

}  // namespace accel::node
