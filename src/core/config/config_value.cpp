// SPDX-License-Identifier: Apache-2.0
// Values of the configuration as text, and back.
#include <algorithm>
#include <charconv>
#include <limits>

#include "accel/core/config.hpp"

namespace accel {
namespace {

using std::chrono::milliseconds;

struct DurationUnit {
  std::string_view suffix;
  std::int64_t milliseconds_each;
};
// Longest suffix first where one ends another.
constexpr DurationUnit kDurationUnits[]{
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

struct SizeUnit {
  std::string_view suffix;
  std::int64_t bytes_each;
};
// As the sizes of the command line: GB by thousands, GiB by 1024. Longest suffix first.
constexpr SizeUnit kSizeUnits[]{{"kib", 1LL << 10U},
                                {"mib", 1LL << 20U},
                                {"gib", 1LL << 30U},
                                {"tib", 1LL << 40U},
                                {"kb", 1000},
                                {"mb", 1'000'000},
                                {"gb", 1'000'000'000},
                                {"tb", 1'000'000'000'000},
                                {"k", 1000},
                                {"m", 1'000'000},
                                {"g", 1'000'000'000},
                                {"t", 1'000'000'000'000},
                                {"b", 1}};

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stopped != end || text.empty()) return std::nullopt;
  return value;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  for (const SizeUnit& unit : kSizeUnits) {
    if (!lower.ends_with(unit.suffix)) continue;
    const std::size_t digits = lower.size() - unit.suffix.size();
    const auto count = parse_number<std::int64_t>(std::string_view(lower).substr(0, digits));
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() / unit.bytes_each;
    if (!count || *count < 0 || *count > most) return std::nullopt;
    return *count * unit.bytes_each;
  }
  return parse_number<std::int64_t>(text);
}

std::string duration_text(milliseconds value) {
  for (auto unit = std::rbegin(kDurationUnits); unit != std::rend(kDurationUnits); ++unit) {
    if (value.count() % unit->milliseconds_each == 0 && value.count() != 0) {
      return fmt::format("{}{}", value.count() / unit->milliseconds_each, unit->suffix);
    }
  }
  return "0ms";
}

ConfigList parse_list(std::string_view text) {
  ConfigList items;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    if (!item.empty()) items.emplace_back(item);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  return items;
}

template <class T>
std::optional<ConfigValue> as_value(const std::optional<T>& parsed) {
  if (!parsed) return std::nullopt;
  return ConfigValue(*parsed);
}

struct Parser {
  std::string_view text;
  std::optional<ConfigValue> operator()(bool) const { return as_value(parse_bool(text)); }
  std::optional<ConfigValue> operator()(std::int64_t) const {
    return as_value(parse_number<std::int64_t>(text));
  }
  std::optional<ConfigValue> operator()(double) const {
    return as_value(parse_number<double>(text));
  }
  std::optional<ConfigValue> operator()(const std::string&) const { return std::string(text); }
  std::optional<ConfigValue> operator()(const ConfigList&) const { return parse_list(text); }
  std::optional<ConfigValue> operator()(milliseconds) const {
    return as_value(parse_duration(text));
  }
};

struct TypeName {
  std::string_view operator()(bool) const { return "true or false"; }
  std::string_view operator()(std::int64_t) const { return "a whole number"; }
  std::string_view operator()(double) const { return "a number"; }
  std::string_view operator()(const std::string&) const { return "a text"; }
  std::string_view operator()(const ConfigList&) const { return "a list of texts"; }
  std::string_view operator()(milliseconds) const { return "a duration such as 250ms, 30s or 5m"; }
};

std::optional<double> magnitude(const ConfigValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  if (const auto* time = std::get_if<milliseconds>(&value)) {
    return static_cast<double>(time->count());
  }
  return std::nullopt;
}

Status with_key(const ConfigKey& key, const Status& checked) {
  if (checked) return {};
  const Error& error = checked.error();
  return fail(Error{error.code, fmt::format("{}: {}", key.name, error.message), error.cause});
}

}  // namespace

Status check_config_value(const ConfigKey& key, const ConfigValue& value) {
  const std::optional<double> size = magnitude(value);
  const bool below = size && key.minimum && !(*size >= *key.minimum);  // Also refuses NaN.
  const bool above = size && key.maximum && !(*size <= *key.maximum);
  if (below || above) {
    return fail(Errc::invalid_argument, "{} can't be {}; it must be {} {}.", key.name,
                config_value_text(value), below ? "at least" : "at most",
                below ? *key.minimum : *key.maximum);
  }
  const auto* text = std::get_if<std::string>(&value);
  const bool listed = text == nullptr || key.choices.empty() ||
                      std::ranges::find(key.choices, *text) != key.choices.end();
  if (listed && key.check != nullptr) return with_key(key, key.check(value));
  if (listed) return {};
  return fail(Errc::invalid_argument, "{} can't be '{}'; use one of {}.", key.name, *text,
              fmt::join(key.choices, ", "));
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  for (const DurationUnit& unit : kDurationUnits) {
    if (!text.ends_with(unit.suffix)) continue;
    const auto count = parse_number<std::int64_t>(text.substr(0, text.size() - unit.suffix.size()));
    const std::int64_t most = std::numeric_limits<std::int64_t>::max() / unit.milliseconds_each;
    if (!count || *count < 0 || *count > most) return std::nullopt;
    return milliseconds(*count * unit.milliseconds_each);
  }
  return std::nullopt;
}

std::string_view config_origin_name(ConfigOrigin origin) {
  switch (origin) {
    case ConfigOrigin::default_value:
      return "default";
    case ConfigOrigin::project_file:
      return "project file";
    case ConfigOrigin::home_file:
      return "home file";
    case ConfigOrigin::environment:
      return "environment";
    case ConfigOrigin::command_line:
      return "command line";
  }
  return "default";
}

std::string config_value_text(const ConfigValue& value) {
  struct Writer {
    std::string operator()(bool item) const { return item ? "true" : "false"; }
    std::string operator()(std::int64_t item) const { return fmt::to_string(item); }
    std::string operator()(double item) const { return fmt::to_string(item); }
    std::string operator()(const std::string& item) const { return item; }
    std::string operator()(const ConfigList& item) const {
      return fmt::format("{}", fmt::join(item, ","));
    }
    std::string operator()(milliseconds item) const { return duration_text(item); }
  };
  return std::visit(Writer{}, value);
}

Result<ConfigValue> parse_config_value(const ConfigKey& key, std::string_view text) {
  if (!key.unsupported.empty()) {
    return fail(Errc::unsupported, "{} can't be set: {}", key.name, key.unsupported);
  }
  std::optional<ConfigValue> value =
      key.is_bytes ? as_value(parse_size(text)) : std::visit(Parser{text}, key.default_value);
  if (!value) {
    const std::string_view wanted = key.is_bytes ? "a number of bytes such as 500MB or 2GiB"
                                                 : std::visit(TypeName{}, key.default_value);
    return fail(Errc::invalid_argument, "{} must be {}, not '{}'.", key.name, wanted, text);
  }
  ACCEL_CHECK(check_config_value(key, *value));
  return std::move(*value);
}

}  // namespace accel
