// SPDX-License-Identifier: Apache-2.0
#pragma once
// How a group of commands registers itself. Parsing fills the options and sets `selected`;
// cli::run() then calls it with a Session. Each group is one file under commands/.

#include <CLI/App.hpp>
#include <CLI/CLI.hpp>
#include <functional>

#include "output.hpp"
#include "session.hpp"

namespace accel::cli {

struct Selection {
  std::function<Status(Session&)> action;  // What the parsed command line asks for.
  bool mends_settings = false;             // It works with settings that can't be used, too.
};

// Registers `name` under `parent` with a one-line description and examples; `action` runs when it
// was chosen.
CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples);
void on_chosen(CLI::App* command, Selection& selection, std::function<Status(Session&)> action);
// The same for what finds or mends settings that can't be used.
void on_chosen_to_mend(CLI::App* command, Selection& selection,
                       std::function<Status(Session&)> action);
// A path as a daemon in another folder must see it; an empty one stays empty.
std::string absolute(const std::string& path);

void add_content_commands(CLI::App& app, Selection& selection);
void add_api_key_commands(CLI::App& app, Selection& selection);
void add_bitswap_commands(CLI::App& app, Selection& selection);
void add_dag_commands(CLI::App& app, Selection& selection);
void add_store_commands(CLI::App& app, Selection& selection);
void add_name_commands(CLI::App& app, Selection& selection);
void add_network_commands(CLI::App& app, Selection& selection);
void add_swarm_commands(CLI::App& app, Selection& selection);
void add_key_commands(CLI::App& app, Selection& selection);
void add_endpoint_commands(CLI::App& app, Selection& selection);
void add_model_commands(CLI::App& app, Selection& selection);
void add_run_commands(CLI::App& app, Selection& selection);
void add_hardware_commands(CLI::App& app, Selection& selection);
void add_history_commands(CLI::App& app, Selection& selection);
void add_node_commands(CLI::App& app, Selection& selection);
void add_config_commands(CLI::App& app, Selection& selection);
void add_dashboard_command(CLI::App& app, Selection& selection);
void add_completion_command(CLI::App& app, Selection& selection);

}  // namespace accel::cli
