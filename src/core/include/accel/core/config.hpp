// SPDX-License-Identifier: Apache-2.0
#pragma once
// Typed configuration. node registers the keys that something reads; a Config is what the sources
// say about them: command line > environment > home file > trusted project file > defaults. An
// unknown key is an error that names the nearest known one; a known key that nothing reads yet is
// refused as unsupported, never ignored. Immutable after load(), hence thread-safe.

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/core/result.hpp"

namespace accel {

using ConfigList = std::vector<std::string>;
// A number is int64 or double by the key's default; a duration is written "250ms", "30s", "5m",
// "2h".
using ConfigValue =
    std::variant<bool, std::int64_t, double, std::string, ConfigList, std::chrono::milliseconds>;

// Nothing for what is no duration.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

enum class ConfigOrigin { default_value, project_file, home_file, environment, command_line };
std::string_view config_origin_name(ConfigOrigin origin);  // "default", "project file", ...

struct ConfigKey {
  std::string name;                       // "section.key", lower case.
  ConfigValue default_value;              // Its alternative is the key's type.
  std::string doc;                        // One sentence.
  std::vector<std::string> choices = {};  // For text: the only values; empty: any.
  std::optional<double> minimum = {};     // For numbers; durations in milliseconds.
  std::optional<double> maximum = {};
  bool is_bytes = false;         // A whole number that may be written as 500MB or 2GiB.
  std::string unsupported = {};  // Not empty: setting the key is refused with this reason.
  // What else a value must be; it only looks at the value. Null: nothing. Errors: invalid_argument.
  Status (*check)(const ConfigValue& value) = nullptr;
};

class ConfigRegistry {
 public:
  void add(ConfigKey key);  // A second key of one name replaces the first.
  // A variable such as IPFS_ACCELERATE_HOME that is no key, yet no mistake.
  void reserve_environment(std::string name);

  const ConfigKey* find(std::string_view name) const;
  std::string nearest(std::string_view name) const;  // By edit distance; empty: none.
  const std::map<std::string, ConfigKey, std::less<>>& keys() const { return keys_; }
  bool reserved(std::string_view variable) const;

 private:
  std::map<std::string, ConfigKey, std::less<>> keys_;
  std::vector<std::string> reserved_;
};

// "ipfs.retry_count" -> "IPFS_ACCELERATE_IPFS_RETRY_COUNT".
std::string config_environment_name(std::string_view key);
// The process's environment as a map, for ConfigSources.
std::map<std::string, std::string> process_environment();

struct ConfigSources {
  // key -> text
  std::map<std::string, std::string> command_line = {};
  // variable -> text; variables of others are skipped
  std::map<std::string, std::string> environment = {};
  std::filesystem::path home_file = {};     // May not exist.
  std::filesystem::path project_file = {};  // Only one that the user trusts; empty: none.
};

struct ConfigEntry {
  std::string key;
  std::string value;  // As `config set` would take it.
  ConfigOrigin origin;
  std::string where;  // The variable, the file, or empty.
  std::string doc;
  std::string unsupported;  // Why the key can't be set yet; empty when it can.
};

class Config {
 public:
  // Errors: invalid_argument (unknown key, wrong type or range: says where and what is allowed),
  // unsupported, those of reading a file.
  static Result<Config> load(const ConfigRegistry& registry, const ConfigSources& sources);

  // T is bool, std::int64_t, double, std::string, ConfigList or std::chrono::milliseconds. Asking
  // for an unregistered key or for another type is a bug and ends the process with a sentence.
  template <class T>
  T get(std::string_view key) const {
    const T* found = std::get_if<T>(&value(key));
    return found != nullptr ? *found : (wrong_type(key), T{});
  }
  ConfigOrigin origin(std::string_view key) const;
  std::vector<ConfigEntry> list() const;  // Sorted by key.

 private:
  struct Item {
    ConfigValue value;
    ConfigOrigin origin = ConfigOrigin::default_value;
    std::string where;
    std::string doc;
    std::string unsupported;
  };
  const Item& item(std::string_view key) const;
  const ConfigValue& value(std::string_view key) const { return item(key).value; }
  [[noreturn]] static void wrong_type(std::string_view key);

  std::map<std::string, Item, std::less<>> items_;
};

std::string config_value_text(const ConfigValue& value);
// Errors: invalid_argument, unsupported.
Result<ConfigValue> parse_config_value(const ConfigKey& key, std::string_view text);

// Its range, its choices and its own check. Errors: invalid_argument.
Status check_config_value(const ConfigKey& key, const ConfigValue& value);

// Writes one key into a JSON file, atomically, leaving the rest as it is; creates the file.
// Errors: as load(), permission_denied, io.
Status set_config_value(const ConfigRegistry& registry, const std::filesystem::path& file,
                        std::string_view key, std::string_view text);
// Errors: not_found when the file doesn't set the key.
Status unset_config_value(const std::filesystem::path& file, std::string_view key);

}  // namespace accel
