// SPDX-License-Identifier: Apache-2.0
// The JSON files of the configuration: {"section": {"key": value}}.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/core/config.hpp"
#include "accel/core/file.hpp"
#include "config/config_sources.hpp"

namespace accel {
namespace {

using Json = nlohmann::ordered_json;  // A file keeps the order that its owner gave it.

Result<Json> read_json(const std::filesystem::path& file) {
  auto text = read_text_file(file, detail::kMaxConfigFileBytes);
  if (!text && text.error().code == Errc::not_found) return Json::object();
  if (!text) return fail(std::move(text).error());
  try {
    Json json = Json::parse(*text);
    if (json.is_object()) return json;
    return fail(Errc::invalid_argument, "{} must hold a JSON object.", file.string());
  } catch (const Json::parse_error& error) {
    return tl::unexpected<Error>(
        Error{Errc::invalid_argument,
              fmt::format("{} is not valid JSON near byte {}.", file.string(), error.byte),
              error.what()});
  }
}

// A JSON value as the text of a setting, if its type fits the key's: a number is no text.
std::optional<std::string> text_of(const ConfigKey& key, const Json& json) {
  const ConfigValue& type = key.default_value;
  const bool whole = std::holds_alternative<std::int64_t>(type) && json.is_number_integer();
  const bool number = std::holds_alternative<double>(type) && json.is_number();
  if (std::holds_alternative<bool>(type) && json.is_boolean()) return json.dump();
  if (whole || number) return json.dump();
  const bool texty = std::holds_alternative<std::string>(type) ||
                     std::holds_alternative<std::chrono::milliseconds>(type) || key.is_bytes;
  if (texty && json.is_string()) return json.get<std::string>();
  return std::nullopt;
}

Result<ConfigValue> value_of(const ConfigKey& key, const Json& json) {
  if (!key.unsupported.empty()) return parse_config_value(key, "");
  const bool list = std::holds_alternative<ConfigList>(key.default_value) && json.is_array() &&
                    std::ranges::all_of(json, [](const Json& item) { return item.is_string(); });
  if (list) {
    ConfigValue items = json.get<ConfigList>();
    ACCEL_CHECK(check_config_value(key, items));
    return items;
  }
  const std::optional<std::string> text = text_of(key, json);
  if (text) return parse_config_value(key, *text);
  // The type's own sentence: no value of another type has this text.
  auto refused = parse_config_value(key, json.dump());
  if (!refused) return refused;
  return fail(Errc::invalid_argument, "{} has the wrong JSON type: {}.", key.name, json.dump());
}

class FileReader {
 public:
  FileReader(const ConfigRegistry& registry, std::string file)
      : registry_(registry), file_(std::move(file)) {}

  Status read(const Json& object, const std::string& prefix, int depth) {
    if (depth > detail::kMaxConfigDepth) {
      return fail(Errc::invalid_argument, "{} is nested deeper than {} levels.", file_,
                  detail::kMaxConfigDepth);
    }
    for (const auto& [name, json] : object.items()) {
      const std::string key = prefix.empty() ? name : prefix + "." + name;
      const ConfigKey* known = registry_.find(key);
      if (known == nullptr && json.is_object()) {
        ACCEL_CHECK(read(json, key, depth + 1));
        continue;
      }
      if (known == nullptr) return fail(detail::unknown_key(registry_, key, file_));
      auto value = value_of(*known, json);
      if (!value) return fail(detail::at(value.error(), file_));
      values.insert_or_assign(key, detail::SourceValue{std::move(*value), file_});
    }
    return {};
  }

  detail::SourceValues values;

 private:
  const ConfigRegistry& registry_;
  std::string file_;
};

Json to_json(const ConfigValue& value) {
  if (const auto* time = std::get_if<std::chrono::milliseconds>(&value)) {
    return config_value_text(*time);
  }
  return std::visit(
      [](const auto& item) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(item)>, std::chrono::milliseconds>) {
          return nullptr;  // Handled above.
        } else {
          return item;
        }
      },
      value);
}

// The object that holds the key's last part, or nullptr when a part of the path is no object.
Json* parent_of(Json& root, std::string_view key, bool create) {
  Json* node = &root;
  for (std::size_t dot = key.find('.'); dot != std::string_view::npos; dot = key.find('.')) {
    const std::string part(key.substr(0, dot));
    if (!node->contains(part) && !create) return nullptr;
    node = &(*node)[part];
    if (node->is_null()) *node = Json::object();
    if (!node->is_object()) return nullptr;
    key = key.substr(dot + 1);
  }
  return node;
}

std::string last_part(std::string_view key) {
  const std::size_t dot = key.rfind('.');
  return std::string(dot == std::string_view::npos ? key : key.substr(dot + 1));
}

Status write_json(const std::filesystem::path& file, const Json& json) {
  return write_file_atomic(file, as_bytes(json.dump(2) + "\n"));
}

}  // namespace

namespace detail {

Result<SourceValues> read_config_file(const ConfigRegistry& registry,
                                      const std::filesystem::path& file) {
  if (file.empty()) return SourceValues();
  ACCEL_TRY(const Json json, read_json(file));
  FileReader reader(registry, file.string());
  ACCEL_CHECK(reader.read(json, "", 1));
  return std::move(reader.values);
}

}  // namespace detail

Status set_config_value(const ConfigRegistry& registry, const std::filesystem::path& file,
                        std::string_view key, std::string_view text) {
  const ConfigKey* known = registry.find(key);
  if (known == nullptr) return fail(detail::unknown_key(registry, key, "config set"));
  ACCEL_TRY(const ConfigValue value, parse_config_value(*known, text));
  ACCEL_TRY(Json json, read_json(file));
  Json* parent = parent_of(json, key, true);
  if (parent == nullptr) {
    return fail(Errc::invalid_argument, "{} has a value where the section of {} should be.",
                file.string(), key);
  }
  (*parent)[last_part(key)] = to_json(value);
  return write_json(file, json);
}

Status unset_config_value(const std::filesystem::path& file, std::string_view key) {
  ACCEL_TRY(Json json, read_json(file));
  Json* parent = parent_of(json, key, false);
  if (parent == nullptr || parent->erase(last_part(key)) == 0) {
    return fail(Errc::not_found, "{} does not set {}.", file.string(), key);
  }
  return write_json(file, json);
}

}  // namespace accel
