// SPDX-License-Identifier: Apache-2.0
#include "llama/schema_ways.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "llama/pattern_ways.hpp"

namespace accel::inference::llama {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxShown = 200;
constexpr std::size_t kMemberCharacters = 4;  // {"": around a name, before its value.

std::string below(const std::string& place, std::string_view name) {
  return place + (json::json_pointer() / std::string(name)).to_string();
}

class Counter {
 public:
  explicit Counter(const json& root) : root_(root) {}

  // What is known of a schema without a number is being counted.
  Result<double> ways(const json& node, const std::string& place, std::size_t steps) {
    if (steps == 0) return 1;
    const auto [found, is_new] = known_.try_emplace({&node, steps});
    if (!is_new) {
      if (found->second) return *found->second;
      return fail(Errc::invalid_argument, "The JSON Schema at \"{}\": It refers to itself alone.",
                  place.substr(0, kMaxShown));
    }
    ACCEL_TRY(const double count, counted(node, place, steps));
    if (count > kMaxSchemaWays) {
      return fail(Errc::invalid_argument,
                  "The JSON Schema at \"{}\": Its alternatives, with those that they refer to, "
                  "leave {:.0f} ways to go on; there may be {:.0f}.",
                  place.substr(0, kMaxShown), count, kMaxSchemaWays);
    }
    known_[{&node, steps}] = count;
    return count;
  }

 private:
  Result<double> counted(const json& node, const std::string& place, std::size_t steps) {
    if (const auto ref = node.find("$ref"); ref != node.end()) {
      const std::string target = ref->get<std::string>().substr(1);
      return ways(root_.at(json::json_pointer(target)), target, steps);
    }
    for (const char* name : {"oneOf", "anyOf"}) {
      if (!node.contains(name)) continue;
      double sum = 0;
      ACCEL_CHECK(each(node.at(name), below(place, name), steps, [&](double one) { sum += one; }));
      return sum;
    }
    double most = node.contains("enum") ? static_cast<double>(node.at("enum").size()) : 1;
    if (const auto pattern = node.find("pattern"); pattern != node.end() && pattern->is_string()) {
      ACCEL_TRY(const double read, pattern_ways(pattern->get_ref<const std::string&>()));
      most = std::max(most, read * kMaxSchemaWays / kMaxPatternWays);  // Its tokens are fewer.
    }
    ACCEL_CHECK(items(node, place, steps, most));
    ACCEL_CHECK(members(node, place, steps, most));
    return most;
  }

  template <typename Take>
  Status each(const json& list, const std::string& place, std::size_t steps, Take take) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      ACCEL_TRY(const double one, ways(list[i], below(place, std::to_string(i)), steps));
      take(one);
    }
    return {};
  }

  Status items(const json& node, const std::string& place, std::size_t steps, double& most) {
    const auto take = [&](double one) { most = std::max(most, one); };
    for (const char* name : {"items", "prefixItems"}) {
      const auto found = node.find(name);
      if (found == node.end()) continue;
      const std::string where = below(place, name);
      if (found->is_array()) {
        ACCEL_CHECK(each(*found, where, steps - 1, take));
      } else {
        ACCEL_TRY(const double one, ways(*found, where, steps - 1));
        take(one);
      }
    }
    return {};
  }

  // Any of the optional ones may be the first.
  Status members(const json& node, const std::string& place, std::size_t steps, double& most) {
    const json empty = json::object();
    const auto found = node.find("properties");
    const json& properties = found == node.end() ? empty : *found;
    most = std::max(most, static_cast<double>(properties.size()));
    for (const auto& [name, child] : properties.items()) {
      const std::size_t read = std::min(steps, kMemberCharacters + name.size());
      ACCEL_TRY(const double one,
                ways(child, below(below(place, "properties"), name), steps - read));
      most = std::max(most, one);
    }
    const auto more = node.find("additionalProperties");
    if (more == node.end() || more->is_boolean()) return {};
    const std::size_t read = std::min(steps, kMemberCharacters);
    ACCEL_TRY(const double one, ways(*more, below(place, "additionalProperties"), steps - read));
    most = std::max(most, one);
    return {};
  }

  const json& root_;
  std::map<std::pair<const json*, std::size_t>, std::optional<double>> known_;
};

}  // namespace

Status check_ways(const json& root) {
  Counter counter(root);
  ACCEL_CHECK(counter.ways(root, "", kSchemaSteps));
  return {};
}

}  // namespace accel::inference::llama
