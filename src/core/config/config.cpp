// SPDX-License-Identifier: Apache-2.0
#include "accel/core/config.hpp"

#include <cstdio>
#include <cstdlib>

#include "config/config_sources.hpp"

namespace accel {
namespace {

[[noreturn]] void die_of_bug(std::string_view key, std::string_view what) {
  const std::string text = fmt::format("bug: setting '{}' {}\n", key, what);
  std::fputs(text.c_str(), stderr);
  std::abort();
}

Result<detail::SourceValues> read_command_line(const ConfigRegistry& registry,
                                               const std::map<std::string, std::string>& texts) {
  detail::SourceValues values;
  for (const auto& [name, text] : texts) {
    const ConfigKey* key = registry.find(name);
    if (key == nullptr) return fail(detail::unknown_key(registry, name, "command line"));
    auto value = parse_config_value(*key, text);
    if (!value) return fail(detail::at(value.error(), "command line"));
    values.emplace(name, detail::SourceValue{std::move(*value), {}});
  }
  return values;
}

}  // namespace

Result<Config> Config::load(const ConfigRegistry& registry, const ConfigSources& sources) {
  Config config;
  for (const auto& [name, key] : registry.keys()) {
    config.items_[name] = {
        key.default_value, ConfigOrigin::default_value, {}, key.doc, key.unsupported};
  }
  const auto overlay = [&config](const detail::SourceValues& values, ConfigOrigin origin) {
    for (const auto& [name, value] : values) {
      Item& item = config.items_[name];
      item.value = value.value;
      item.origin = origin;
      item.where = value.where;
    }
  };
  ACCEL_TRY(const auto project, detail::read_config_file(registry, sources.project_file));
  ACCEL_TRY(const auto home, detail::read_config_file(registry, sources.home_file));
  ACCEL_TRY(const auto environment, detail::read_environment(registry, sources.environment));
  ACCEL_TRY(const auto command_line, read_command_line(registry, sources.command_line));
  overlay(project, ConfigOrigin::project_file);
  overlay(home, ConfigOrigin::home_file);
  overlay(environment, ConfigOrigin::environment);
  overlay(command_line, ConfigOrigin::command_line);
  return config;
}

ConfigOrigin Config::origin(std::string_view key) const { return item(key).origin; }

std::vector<ConfigEntry> Config::list() const {
  std::vector<ConfigEntry> entries;
  for (const auto& [name, item] : items_) {
    std::string text = config_value_text(item.value);
    const bool is_secret = name.ends_with("_token") || name.ends_with("_secret_access_key");
    if (is_secret && !text.empty()) text = "(hidden)";  // Lists are shown around.
    entries.push_back({name, std::move(text), item.origin, item.where, item.doc, item.unsupported});
  }
  return entries;
}

const Config::Item& Config::item(std::string_view key) const {
  const auto found = items_.find(key);
  if (found == items_.end()) die_of_bug(key, "is read but was never registered");
  return found->second;
}

void Config::wrong_type(std::string_view key) {
  die_of_bug(key, "is read with another type than it has");
}

}  // namespace accel
