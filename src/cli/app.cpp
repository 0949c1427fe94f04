// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "accel/cli/cli.hpp"
#include "accel/core/log.hpp"
#include "command.hpp"
#include "interrupt.hpp"

namespace accel::cli {
namespace {

constexpr const char* kDescription =
    "ipfs-accelerate: models named by content (CID), fetched verified from every source at once,\n"
    "run on the hardware that measured best, and recorded.";

constexpr const char* kFooter =
    "First steps:\n"
    "  ipfs-accelerate add --name minilm ~/models/minilm     name a model's folder by its content\n"
    "  ipfs-accelerate run minilm --input 'a cat on a mat'   run it on what measures best\n"
    "  ipfs-accelerate history report                        what ran, on what, how fast\n"
    "\n"
    "Exit codes: 0 ok, 1 internal, 2 invalid argument, 3 not found, 4 already exists, 5 corrupt, 6 "
    "unsupported,\n"
    "7 permission denied, 8 unauthenticated, 9 resource exhausted, 10 unavailable, 11 timeout, 12 "
    "protocol, 13 io,\n"
    "130 cancelled.";

void add_global_flags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--home", flags.home,
                 "The node's home (default: IPFS_ACCELERATE_HOME, else ~/.ipfs_accelerate)");
  app.add_option("--config", flags.config_file, "A project configuration file to use");
  app.add_option("--log-level", flags.log_level,
                 "trace, debug, info, warn or error (default: warn)");
  app.add_flag("--json", flags.json, "Print one JSON document on stdout");
  app.add_flag("--no-progress", flags.quiet, "No progress line on stderr");
  app.add_flag("--no-daemon", flags.no_daemon, "Work in this process even when a daemon runs");
}

void add_all_commands(CLI::App& app, Selection& selection) {
  add_run_commands(app, selection);
  add_content_commands(app, selection);
  add_store_commands(app, selection);
  add_model_commands(app, selection);
  add_hardware_commands(app, selection);
  add_history_commands(app, selection);
  add_node_commands(app, selection);
  add_config_commands(app, selection);
  add_completion_command(app, selection);
}

int run_selected(const Selection& selection, GlobalFlags flags) {
  const bool json = flags.json;
  const Interrupt interrupt;
  auto session = Session::create(std::move(flags), interrupt.token());
  const Status status = session ? selection.action(**session) : Status(fail(session.error()));
  if (status) return EXIT_SUCCESS;
  print_error(status.error(), json);
  return errc_exit_code(status.error().code);
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->fallthrough();  // Global flags may follow the command.
  return command;
}

void on_chosen(CLI::App* command, Selection& selection, std::function<Status(Session&)> action) {
  command->callback([&selection, action = std::move(action)] { selection.action = action; });
}

int run(int argc, const char* const* argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app{kDescription, "ipfs-accelerate"};
  app.footer(kFooter);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);
  GlobalFlags flags;
  Selection selection;
  add_global_flags(app, flags);
  add_all_commands(app, selection);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help
  } catch (const CLI::ParseError& error) {
    print_error(Error{Errc::invalid_argument, std::string(error.what()) + ". See --help.", {}},
                flags.json);
    return errc_exit_code(Errc::invalid_argument);
  }
  return run_selected(selection, std::move(flags));
}

}  // namespace accel::cli
