// SPDX-License-Identifier: Apache-2.0
#include "llama/schema_check.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "accel/core/json.hpp"
#include "llama/pattern_ways.hpp"
#include "llama/schema_ways.hpp"

namespace accel::inference::llama {
namespace {

using nlohmann::json;
using Names = std::vector<std::string_view>;

constexpr std::string_view kNotes[] = {"title",    "description", "default",  "examples",
                                       "$schema",  "$id",         "$comment", "deprecated",
                                       "readOnly", "writeOnly",   "$defs",    "definitions"};
// Of one value: what llama.cpp passes over, or passes over beside others.
constexpr std::string_view kBestEffort[] = {
    "minimum",       "maximum",     "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "format",        "pattern",     "minLength",        "maxLength",        "minItems",
    "maxItems",      "uniqueItems", "minProperties",    "maxProperties",    "contentEncoding",
    "propertyNames", "nullable",    "strict",           "contentMediaType", "type"};
constexpr std::string_view kTypes[] = {"object", "array",   "string", "integer",
                                       "number", "boolean", "null"};
constexpr std::string_view kFormats[] = {"date",  "time",  "date-time", "uuid", "uuid1",
                                         "uuid2", "uuid3", "uuid4",     "uuid5"};

bool among(std::string_view name, std::span<const std::string_view> list) {
  return std::ranges::find(list, name) != list.end();
}

std::string at(const std::string& place, std::string_view name) {
  std::string pointer = place + "/";
  for (const char c : name) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return pointer;
}

tl::unexpected<Error> refused(const std::string& place, std::string_view why) {
  constexpr std::size_t kMaxShown = 200;
  return fail(Errc::invalid_argument, "The JSON Schema at \"{}\": {}", place.substr(0, kMaxShown),
              why);
}

bool fits(const json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  return value.is_number_integer() ||
         (value.is_number() && std::trunc(value.get<double>()) == value.get<double>());
}

// How much a pattern's {n,m} repeat at most, one within the other.
std::size_t repetitions_of(std::string_view pattern) {
  std::size_t product = 1;
  for (std::size_t i = pattern.find('{'); i < pattern.size(); i = pattern.find('{', i + 1)) {
    std::size_t most = 0;
    std::size_t number = 0;
    for (std::size_t j = i + 1; j < pattern.size() && pattern[j] != '}'; ++j) {
      const bool digit = pattern[j] >= '0' && pattern[j] <= '9';
      number = digit ? std::min(number * 10 + static_cast<std::size_t>(pattern[j] - '0'),
                                kMaxSchemaCount + 1)
                     : 0;
      most = std::max(most, number);
    }
    product = std::min(product * std::max<std::size_t>(most, 1), kMaxSchemaCount + 1);
  }
  return product;
}

class Checker {
 public:
  explicit Checker(Enforce enforce) : lenient_(enforce == Enforce::what_can_be) {}

  Status run(const json& root) {
    ACCEL_CHECK(schema(root, ""));
    for (const auto& [place, target] : refs_) {
      if (!places_.contains(target))
        return refused(place, "There is no such schema within this one.");
    }
    return check_ways(root);
  }

 private:
  Status schema(const json& node, const std::string& place) {
    if (!node.is_object()) return refused(place, "A schema must be an object.");
    if (++nodes_ > kMaxSchemaNodes)
      return refused(place, fmt::format("There may be {} schemas in all.", kMaxSchemaNodes));
    places_.insert(place);
    for (const char* name : {"$defs", "definitions"}) ACCEL_CHECK(members(node, place, name));
    if (node.contains("$ref")) return reference(node, place);
    for (const char* name : {"oneOf", "anyOf"}) {
      if (node.contains(name)) return alternatives(node, place, name);
    }
    ACCEL_TRY(const Names types, types_of(node, place));
    for (const char* name : {"const", "enum"}) {
      if (node.contains(name)) return choice(node, place, name, types);
    }
    return typed(node, place, types);
  }

  // Every keyword must be one of `read`, or say nothing that an answer must fit.
  Status only(const json& node, const std::string& place, const Names& read) const {
    for (const auto& [name, value] : node.items()) {
      const bool passes = among(name, kNotes) || (lenient_ && among(name, kBestEffort));
      if (!among(name, read) && !passes)
        return refused(at(place, name),
                       "This keyword is not enforced here, or not beside its neighbours; leave it "
                       "out.");
    }
    return {};
  }

  Status members(const json& node, const std::string& place, const char* name) {
    const auto found = node.find(name);
    if (found == node.end()) return {};
    if (!found->is_object()) return refused(at(place, name), "It must be an object.");
    if (found->size() > kMaxSchemaProperties)
      return refused(at(place, name), fmt::format("It may have {} members.", kMaxSchemaProperties));
    for (const auto& [member, value] : found->items()) {
      if (member.size() > kMaxPropertyName)
        return refused(at(place, name), fmt::format("A name may have {} bytes.", kMaxPropertyName));
      ACCEL_CHECK(schema(value, at(at(place, name), member)));
    }
    return {};
  }

  Status reference(const json& node, const std::string& place) {
    ACCEL_CHECK(only(node, place, {"$ref"}));
    const json& target = node.at("$ref");
    const std::string where = at(place, "$ref");
    if (!target.is_string() || !target.get_ref<const std::string&>().starts_with("#/"))
      return refused(where, "It must be a text that begins with \"#/\".");
    refs_.emplace_back(where, target.get<std::string>().substr(1));
    return {};
  }

  Status each(const json& list, const std::string& place) {
    if (!list.is_array() || list.empty())
      return refused(place, "It must be a list that is not empty.");
    std::size_t index = 0;
    for (const json& child : list) ACCEL_CHECK(schema(child, at(place, std::to_string(index++))));
    return {};
  }

  Status alternatives(const json& node, const std::string& place, const char* name) {
    ACCEL_CHECK(only(node, place, {name}));
    return each(node.at(name), at(place, name));
  }

  static Result<Names> types_of(const json& node, const std::string& place) {
    Names types;
    const auto found = node.find("type");
    if (found == node.end()) return types;
    const json list = found->is_array() ? *found : json::array({*found});
    for (const json& type : list) {
      const auto* known = std::ranges::find_if(kTypes, [&](std::string_view one) {
        return type.is_string() && type == std::string(one);
      });
      // The same twice would double the grammar at each level.
      if (known == std::end(kTypes) || among(*known, types))
        return refused(at(place, "type"),
                       "A type must be object, array, string, integer, number, boolean or null, "
                       "each at most once.");
      types.push_back(*known);
    }
    if (types.empty()) return refused(at(place, "type"), "There is no type.");
    return types;
  }

  Status choice(const json& node, const std::string& place, const char* name, const Names& types) {
    ACCEL_CHECK(only(node, place, {name, "type"}));
    const bool one = std::string_view(name) == "const";
    const json values = one ? json::array({node.at(name)}) : node.at(name);
    if (!values.is_array() || values.empty())
      return refused(at(place, name), "It must be a list that is not empty.");
    if ((choices_ += values.size()) > kMaxSchemaChoices)
      return refused(at(place, name),
                     fmt::format("All enums may have {} values.", kMaxSchemaChoices));
    // llama.cpp makes a union of several types before it reads the values.
    for (const json& value : values) {
      const auto has = [&](std::string_view type) { return fits(value, type); };
      if (!types.empty() && std::ranges::none_of(types, has))
        return refused(at(place, name), "A value is not of the type beside it.");
    }
    return {};
  }

  Status typed(const json& node, const std::string& place, const Names& given) {
    const auto any = [&](std::initializer_list<const char*> names) {
      return std::ranges::any_of(names, [&](const char* name) { return node.contains(name); });
    };
    Names types = given;
    if (types.empty()) {
      if (any({"properties", "additionalProperties"})) {
        types = {"object"};
      } else if (any({"items", "prefixItems"})) {
        types = {"array"};
      } else if (any({"pattern", "format", "minLength", "maxLength"})) {
        types = {"string"};
      }
    }
    Names read{"type"};
    for (const std::string_view type : types) {
      if (type == "object")
        read.insert(read.end(), {"properties", "required", "additionalProperties"});
      if (type == "array") add_array(node, read);
      if (type == "string") add_string(node, read);
      if (type == "integer") add_integer(node, read);
    }
    ACCEL_CHECK(only(node, place, read));
    // A bound of integers would be passed over for numbers.
    if (!lenient_ && among("number", types) &&
        any({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}))
      return refused(at(place, "type"), "Bounds are enforced for the type integer alone.");
    ACCEL_CHECK(object(node, place));
    ACCEL_CHECK(array(node, place));
    return string(node, place);
  }

  static void add_array(const json& node, Names& read) {
    const bool items = node.contains("items");
    const bool tuple = items ? node.at("items").is_array() : node.contains("prefixItems");
    read.push_back(tuple && !items ? "prefixItems" : "items");
    if (!tuple) read.insert(read.end(), {"minItems", "maxItems"});
  }

  static void add_string(const json& node, Names& read) {
    if (node.contains("pattern")) {
      read.push_back("pattern");
    } else if (node.contains("format")) {
      read.push_back("format");
    } else {
      read.insert(read.end(), {"minLength", "maxLength"});
    }
  }

  static void add_integer(const json& node, Names& read) {
    read.push_back(node.contains("minimum") ? "minimum" : "exclusiveMinimum");
    read.push_back(node.contains("maximum") ? "maximum" : "exclusiveMaximum");
  }

  Status object(const json& node, const std::string& place) {
    ACCEL_CHECK(members(node, place, "properties"));
    const json properties = node.value("properties", json::object());
    const json required = node.value("required", json::array());
    const auto known = [&](const json& name) {
      return name.is_string() && properties.contains(name.get_ref<const std::string&>());
    };
    if (!required.is_array() || !std::ranges::all_of(required, known))
      return refused(at(place, "required"), "It must be a list of names of the properties.");
    const auto more = node.find("additionalProperties");
    if (more == node.end() || more->is_boolean()) return {};
    return schema(*more, at(place, "additionalProperties"));
  }

  Status array(const json& node, const std::string& place) {
    for (const char* name : {"minItems", "maxItems", "minLength", "maxLength"})
      ACCEL_CHECK(repeats(node, place, name));
    for (const char* name : {"items", "prefixItems"}) {
      const auto found = node.find(name);
      if (found == node.end()) continue;
      const bool list = found->is_array();
      ACCEL_CHECK(list ? each(*found, at(place, name)) : schema(*found, at(place, name)));
    }
    return {};
  }

  Status repeats(const json& node, const std::string& place, const char* name) {
    const auto found = node.find(name);
    if (found == node.end()) return {};
    const bool count = found->is_number_integer() && *found >= 0;
    if (!count) return refused(at(place, name), "It must be a whole number from 0.");
    return add_repetitions(
        *found > kMaxSchemaCount ? kMaxSchemaCount + 1 : found->get<std::size_t>(),
        at(place, name));
  }

  Status add_repetitions(std::size_t count, const std::string& place) {
    if (count > kMaxSchemaCount)
      return refused(place, fmt::format("It may repeat {} times.", kMaxSchemaCount));
    if ((repetitions_ += count) > kMaxSchemaCounts)
      return refused(place, fmt::format("All repetitions may add up to {}.", kMaxSchemaCounts));
    return {};
  }

  Status reads_in_few_ways(const std::string& pattern, const std::string& place) {
    const Result<double> ways = pattern_ways(pattern);
    if (!ways) return refused(place, ways.error().message);
    if ((pattern_ways_ += *ways) <= kMaxPatternWays) return {};
    return refused(place, fmt::format("A text of {} characters can be read in more than {:.0f} "
                                      "ways by it, or by all patterns; let less be left out or "
                                      "repeated.",
                                      kPatternSteps, kMaxPatternWays));
  }

  Status string(const json& node, const std::string& place) {
    if (const auto pattern = node.find("pattern"); pattern != node.end()) {
      const std::string where = at(place, "pattern");
      if (!pattern->is_string()) return refused(where, "It must be a text.");
      const auto& text = pattern->get_ref<const std::string&>();
      if (text.size() > kMaxPatternBytes)
        return refused(where, fmt::format("It may have {} bytes.", kMaxPatternBytes));
      ACCEL_CHECK(add_repetitions(repetitions_of(text), where));
      ACCEL_CHECK(reads_in_few_ways(text, where));
    }
    const auto format = node.find("format");
    const bool good =
        lenient_ || format == node.end() ||
        (format->is_string() && among(format->get_ref<const std::string&>(), kFormats));
    if (good) return {};
    return refused(at(place, "format"), "Only date, time, date-time and uuid are enforced.");
  }

  const bool lenient_;
  std::size_t nodes_ = 0, choices_ = 0, repetitions_ = 0;
  double pattern_ways_ = 0;                                // Of all patterns together.
  std::set<std::string> places_;                           // Of all schemas that were checked.
  std::vector<std::pair<std::string, std::string>> refs_;  // Place, and where it points to.
};

}  // namespace

Status check_schema(const std::string& text, Enforce enforce) {
  ACCEL_TRY(const json root, parse_bounded_json(text, "The JSON Schema"));
  Checker checker(enforce);
  return checker.run(root);
}

}  // namespace accel::inference::llama
