// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>
#include <filesystem>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <vector>

#include "accel/cli/cli.hpp"
#include "accel/core/edit_distance.hpp"
#include "accel/core/log.hpp"
#include "accel/node/build_info.hpp"
#include "bus_error.hpp"
#include "command.hpp"
#include "interrupt.hpp"
#include "our_words.hpp"

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
    "130 cancelled, 141 the reader of a pipe has gone (as `| head`).";

void add_global_flags(CLI::App& app, GlobalFlags& flags) {
  app.add_option("--home", flags.home,
                 "The node's home (default: IPFS_ACCELERATE_HOME, else ~/.ipfs_accelerate)");
  app.add_option("--config", flags.config_file, "A project configuration file to use");
  app.add_option("--log-level", flags.log_level,
                 "trace, debug, info, warn or error (default: warn)");
  app.add_option("--api", flags.api,
                 "Speak to the node at this URL, as https://node.example:5080, with the key in "
                 "IPFS_ACCELERATE_API_KEY");
  app.add_option("--api-key-file", flags.api_key_file, "A file that holds this key");
  app.add_option("--api-ca", flags.api_ca,
                 "Certificates (PEM) that this node's is vouched for by, besides the system's");
  app.add_flag("--json", flags.json, "Print one JSON document on stdout");
  app.add_flag("--no-progress", flags.quiet, "No progress line on stderr");
  app.add_flag("--no-daemon", flags.no_daemon, "Work in this process even when a daemon runs");
}

void add_all_commands(CLI::App& app, Selection& selection) {
  add_run_commands(app, selection);
  add_content_commands(app, selection);
  add_bitswap_commands(app, selection);
  add_dag_commands(app, selection);
  add_store_commands(app, selection);
  add_name_commands(app, selection);
  add_key_commands(app, selection);
  add_network_commands(app, selection);
  add_swarm_commands(app, selection);
  add_model_commands(app, selection);
  add_endpoint_commands(app, selection);
  add_hardware_commands(app, selection);
  add_history_commands(app, selection);
  add_node_commands(app, selection);
  add_api_key_commands(app, selection);
  add_dashboard_command(app, selection);
  add_config_commands(app, selection);
  add_completion_command(app, selection);
}

constexpr int kReaderGone = 128 + SIGPIPE;  // As a shell tells it of other tools.

Status act(const Selection& selection, Session& session) {
  const Status& problem = session.settings_problem();
  if (problem || selection.mends_settings) return selection.action(session);
  Error error = problem.error();
  error.message +=
      " Mend a home's settings with `config set` or `config unset`, or edit its config.json "
      "(`config path`).";
  return fail(std::move(error));
}

int run_selected(const Selection& selection, GlobalFlags flags) {
  const bool json = flags.json;
  const Interrupt interrupt;
  const auto session = Session::create(std::move(flags), interrupt.token());
  const Status status = session ? act(selection, **session) : Status(fail(session.error()));
  if (status) return EXIT_SUCCESS;
  if (reader_gone()) return kReaderGone;
  print_error(status.error(), json);
  return errc_exit_code(status.error().code);
}

constexpr std::size_t kMaxShownWord = 64;

// The name that the word was meant to be, as the end of a sentence; empty when none is near.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names) {
  const auto nearer = [&](const std::string& a, const std::string& b) {
    return edit_distance(a, word) < edit_distance(b, word);
  };
  const auto nearest = std::ranges::min_element(names, nearer);
  const std::size_t far = std::max<std::size_t>(2, word.size() / 3) + 1;
  if (nearest == names.end() || edit_distance(*nearest, word) >= far) return {};
  return fmt::format("; the nearest is \"{}\"", *nearest);
}

std::vector<std::string> names_of(const std::vector<const CLI::App*>& commands) {
  std::vector<std::string> names;
  for (const CLI::App* command : commands) names.push_back(command->get_name());
  return names;
}

const CLI::Option* option_of(const CLI::App& app, const CLI::App& group, std::string_view word) {
  const std::string name(word.substr(0, word.find('=')));
  const CLI::Option* own = group.get_option_no_throw(name);
  return own != nullptr ? own : app.get_option_no_throw(name);
}

std::vector<std::string> long_options(const CLI::App& app, const CLI::App& group) {
  std::vector<std::string> names;
  for (const CLI::App* known : {&app, &group}) {
    for (const CLI::Option* option : known->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

// The first word that names no command, or no option, where one is expected.
std::optional<std::string> unknown_word(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* group = &app;
  for (int i = 1; i < argc; ++i) {
    const auto word = std::string_view(argv[i]).substr(0, kMaxShownWord);
    const std::string in = group == &app ? "" : " " + group->get_name();
    if (word.size() > 1 && word.starts_with("-")) {
      const CLI::Option* option = option_of(app, *group, word);
      if (option == nullptr) {
        return fmt::format("ipfs-accelerate{} has no option \"{}\"{}", in, word,
                           nearest_name(word, long_options(app, *group)));
      }
      const bool takes_next = option->get_items_expected_min() > 0 && word.find('=') == word.npos;
      if (takes_next) ++i;
      continue;
    }
    const auto commands = group->get_subcommands([](const CLI::App*) { return true; });
    const auto by_name = [&](const CLI::App* command) { return command->get_name() == word; };
    const auto found = std::ranges::find_if(commands, by_name);
    if (found == commands.end() && commands.empty()) return std::nullopt;
    if (found == commands.end()) {
      const std::string_view ours = our_words(group == &app ? "" : group->get_name(), word);
      return fmt::format("ipfs-accelerate{} has no command \"{}\"{}", in, word,
                         ours.empty() ? nearest_name(word, names_of(commands))
                                      : fmt::format("; for that there is {}", ours));
    }
    group = *found;
  }
  return std::nullopt;
}

std::string parse_error(const CLI::App& app, const CLI::ParseError& error, int argc,
                        const char* const* argv) {
  const bool no_command = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
                          dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
  const auto unknown = no_command ? unknown_word(app, argc, argv) : std::nullopt;
  return (unknown ? *unknown : std::string(error.what())) + ". See --help.";
}

// `help COMMAND…` as `COMMAND… --help`.
std::vector<const char*> with_help_last(int argc, const char* const* argv) {
  std::vector<const char*> words(argv, argv + argc);
  if (argc < 2 || std::string_view(argv[1]) != "help") return words;
  words.erase(words.begin() + 1);
  words.push_back("--help");
  return words;
}

}  // namespace

CLI::App* add_command(CLI::App& parent, const std::string& name, const std::string& description,
                      const std::string& examples) {
  CLI::App* command = parent.add_subcommand(name, description);
  command->footer("Examples:\n" + examples);
  command->fallthrough();  // Global flags may follow the command.
  return command;
}

std::string absolute(const std::string& path) {
  return path.empty() ? path : std::filesystem::absolute(path).lexically_normal().string();
}

void on_chosen(CLI::App* command, Selection& selection, std::function<Status(Session&)> action) {
  command->callback([&selection, action = std::move(action)] { selection.action = action; });
}

void on_chosen_to_mend(CLI::App* command, Selection& selection,
                       std::function<Status(Session&)> action) {
  command->callback([&selection, action = std::move(action)] {
    selection.action = action;
    selection.mends_settings = true;
  });
}

int run(int argc, const char* const* argv) {
  const std::vector<const char*> words = with_help_last(argc, argv);
  argc = static_cast<int>(words.size());
  argv = words.data();
  std::signal(SIGPIPE, SIG_IGN);
  explain_bus_errors();
  CLI::App app{kDescription, "ipfs-accelerate"};
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("--version", "ipfs-accelerate " + std::string(node::kVersion));
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
    print_error(Error{Errc::invalid_argument, parse_error(app, error, argc, argv), {}}, flags.json);
    return errc_exit_code(Errc::invalid_argument);
  }
  return run_selected(selection, std::move(flags));
}

}  // namespace accel::cli
