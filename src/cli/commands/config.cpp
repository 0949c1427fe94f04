// SPDX-License-Identifier: Apache-2.0
// config {list, get, set, unset, path, trust}: settings and where each came from.
#include <filesystem>
#include <memory>

#include "accel/node/settings.hpp"
#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

json json_of(const ConfigEntry& entry) {
  return {
      {"key", entry.key},     {"value", entry.value}, {"origin", config_origin_name(entry.origin)},
      {"where", entry.where}, {"doc", entry.doc},     {"unsupported", entry.unsupported}};
}

Status list_config(Session& session) {
  const std::vector<ConfigEntry> entries = session.config().list();
  if (session.flags().json) {
    json list = json::array();
    for (const ConfigEntry& entry : entries) list.push_back(json_of(entry));
    return print_json(list);
  }
  std::vector<std::vector<std::string>> rows;
  for (const ConfigEntry& entry : entries) {
    if (!entry.unsupported.empty()) continue;
    const std::string origin(config_origin_name(entry.origin));
    rows.push_back({entry.key, entry.value.empty() ? "-" : entry.value,
                    entry.where.empty() ? origin : origin + " " + entry.where, entry.doc});
  }
  return print_table({"KEY", "VALUE", "FROM", "WHAT"}, rows);
}

Status get_config(Session& session, const std::string& key) {
  for (const ConfigEntry& entry : session.config().list()) {
    if (entry.key != key) continue;
    return session.flags().json ? print_json(json_of(entry)) : print_line(entry.value);
  }
  const std::string nearest = node::settings_registry().nearest(key);
  const std::string hint = nearest.empty() ? "`config list` shows all keys."
                                           : fmt::format("Did you mean \"{}\"?", nearest);
  return fail(Errc::invalid_argument, "There is no setting \"{}\". {}", key, hint);
}

// A daemon reads its settings once.
void tell_of_daemon(Session& session) {
  if (session.has_daemon()) {
    print_note("the daemon that runs keeps its settings until it is started again");
  }
}

// A daemon does not start with half a pair; the first half must be set at some time, though.
void tell_of_half_pairs(Session& session) {
  constexpr std::pair<const char*, const char*> kPairs[] = {
      {"api.tls_certificate", "api.tls_key"}, {"gateway.tls_certificate", "gateway.tls_key"}};
  const auto config =
      node::load_settings({.home = session.home(), .project_file = {}, .command_line = {}});
  if (!config) return;  // Told by who reads it.
  for (const auto& [first, second] : kPairs) {
    const bool has_first = !config->get<std::string>(first).empty();
    const bool has_second = !config->get<std::string>(second).empty();
    if (has_first == has_second) continue;
    print_note(fmt::format("{} is set and {} is not: a daemon starts with both or with neither",
                           has_first ? first : second, has_first ? second : first));
  }
}

Status set_config(Session& session, const std::string& key, const std::string& value) {
  ACCEL_TRY(const node::Home home, node::Home::open(session.home().root));
  ACCEL_CHECK(node::set_setting(home, key, value));
  tell_of_half_pairs(session);
  tell_of_daemon(session);
  return {};
}

Status unset_config(Session& session, const std::string& key) {
  ACCEL_CHECK(node::unset_setting(session.home(), key));
  tell_of_half_pairs(session);
  tell_of_daemon(session);
  return {};
}

struct KeyValue {
  std::string key, value;
};

CLI::App* add_key_command(CLI::App& group, const std::string& name, const std::string& what,
                          KeyValue& flags) {
  CLI::App* command = add_command(
      group, name, what,
      "  ipfs-accelerate config " + name + " logging.level" + (name == "set" ? " info" : ""));
  command->add_option("KEY", flags.key, "section.key")->required();
  return command;
}

}  // namespace

void add_config_commands(CLI::App& app, Selection& selection) {
  CLI::App* group = add_command(app, "config", "Settings and where each came from",
                                "  ipfs-accelerate config list");
  group->require_subcommand(1);
  auto flags = std::make_shared<KeyValue>();
  CLI::App* list = add_command(*group, "list", "Every key, its value and origin",
                               "  ipfs-accelerate config list");
  on_chosen(list, selection, list_config);
  CLI::App* get = add_key_command(*group, "get", "One value", *flags);
  on_chosen(get, selection, [flags](Session& session) { return get_config(session, flags->key); });
  CLI::App* set =
      add_key_command(*group, "set", "Write one value into the home's config.json", *flags);
  set->add_option("VALUE", flags->value)->required();
  on_chosen_to_mend(set, selection, [flags](Session& session) {
    return set_config(session, flags->key, flags->value);
  });
  CLI::App* unset =
      add_key_command(*group, "unset", "Remove one value from the home's config.json", *flags);
  on_chosen_to_mend(unset, selection,
                    [flags](Session& session) { return unset_config(session, flags->key); });
  CLI::App* path = add_command(*group, "path", "Where the home's config.json lies",
                               "  ipfs-accelerate config path");
  on_chosen_to_mend(path, selection, [](Session& session) {
    return print_line(session.home().config_file().string());
  });
  auto file = std::make_shared<std::string>("ipfs_accelerate.json");
  CLI::App* trust =
      add_command(*group, "trust", "Let this folder's ipfs_accelerate.json count, as it is now",
                  "  ipfs-accelerate config trust");
  trust->add_option("FILE", *file, "The project file (default: ./ipfs_accelerate.json)");
  on_chosen(trust, selection, [file](Session& session) -> Status {
    ACCEL_TRY(const node::Home home, node::Home::open(session.home().root));
    return node::trust_project_file(home, std::filesystem::absolute(*file));
  });
}

}  // namespace accel::cli
