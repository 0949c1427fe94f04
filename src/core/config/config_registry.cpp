// SPDX-License-Identifier: Apache-2.0
// The known keys, and the nearest of them to a mistyped one.
#include <unistd.h>

#include <algorithm>

#include "accel/core/config.hpp"
#include "accel/core/edit_distance.hpp"
#include "config/config_sources.hpp"

namespace accel {
namespace {

constexpr std::string_view kPrefix = "IPFS_ACCELERATE_";

constexpr std::size_t kMaxNameLength = 256;  // Longer names are compared by their beginning.

}  // namespace

void ConfigRegistry::add(ConfigKey key) {
  std::string name = key.name;
  keys_.insert_or_assign(std::move(name), std::move(key));
}

void ConfigRegistry::reserve_environment(std::string name) { reserved_.push_back(std::move(name)); }

const ConfigKey* ConfigRegistry::find(std::string_view name) const {
  const auto found = keys_.find(name);
  return found == keys_.end() ? nullptr : &found->second;
}

std::string ConfigRegistry::nearest(std::string_view name) const {
  name = name.substr(0, kMaxNameLength);
  std::string best;
  std::size_t least = std::string::npos;
  for (const auto& [known, key] : keys_) {
    // A key without its section is a common slip: compare with the last part too.
    const std::size_t dot = known.rfind('.');
    const auto last = std::string_view(known).substr(dot == std::string::npos ? 0 : dot + 1);
    const std::size_t distance =
        std::min(edit_distance(name, known), edit_distance(name, last) + 1);
    if (distance < least) {
      least = distance;
      best = known;
    }
  }
  return least <= std::max<std::size_t>(3, name.size() / 3) ? best : std::string();
}

bool ConfigRegistry::reserved(std::string_view variable) const {
  return std::ranges::find(reserved_, variable) != reserved_.end();
}

std::string config_environment_name(std::string_view key) {
  std::string name(kPrefix);
  for (const char character : key) {
    const bool lower = character >= 'a' && character <= 'z';
    name += character == '.' ? '_' : lower ? static_cast<char>(character - 'a' + 'A') : character;
  }
  return name;
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || !text.starts_with(kPrefix)) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

namespace detail {

Error unknown_key(const ConfigRegistry& registry, std::string_view key, std::string_view where) {
  const std::string nearest = registry.nearest(key);
  const std::string hint = nearest.empty() ? "" : fmt::format(" Did you mean {}?", nearest);
  return {Errc::invalid_argument,
          fmt::format("There is no setting '{}' ({}).{}", key, where, hint),
          {}};
}

Result<SourceValues> read_environment(const ConfigRegistry& registry,
                                      const std::map<std::string, std::string>& variables) {
  std::map<std::string, const ConfigKey*> by_variable;
  for (const auto& [name, key] : registry.keys()) by_variable[config_environment_name(name)] = &key;
  SourceValues values;
  for (const auto& [variable, text] : variables) {
    if (!variable.starts_with(kPrefix) || registry.reserved(variable)) continue;
    const auto found = by_variable.find(variable);
    if (found == by_variable.end()) {
      std::string as_key = variable.substr(kPrefix.size());
      std::ranges::transform(as_key, as_key.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      const std::string nearest = registry.nearest(as_key);
      const std::string hint =
          nearest.empty() ? "" : fmt::format(" Did you mean {}?", config_environment_name(nearest));
      return fail(Errc::invalid_argument, "The environment variable {} names no setting.{}",
                  variable, hint);
    }
    auto value = parse_config_value(*found->second, text);
    if (!value) return fail(at(value.error(), "environment variable " + variable));
    values.emplace(found->second->name, SourceValue{std::move(*value), variable});
  }
  return values;
}

Error at(Error error, const std::string& where) {
  error.message += fmt::format(" ({})", where);
  return error;
}

}  // namespace detail
}  // namespace accel
