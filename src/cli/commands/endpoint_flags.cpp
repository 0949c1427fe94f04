// SPDX-License-Identifier: Apache-2.0
#include "commands/endpoint_flags.hpp"

#include <nlohmann/json.hpp>

namespace accel::cli {
namespace {

using nlohmann::json;

std::string usage_of(const json& result) {
  if (!result.contains("usage_provenance")) return "; it reports no usage";
  std::string text;
  const auto put = [&](const char* name, const char* words) {
    if (result.contains(name)) text += fmt::format(", {} {}", result[name].dump(), words);
  };
  put("prompt_tokens", "prompt tokens");
  put("completion_tokens", "tokens");
  if (result.contains("cost")) text += fmt::format(", cost {:.6f}", result["cost"].get<double>());
  return text + " (reported)";
}

}  // namespace

void EndpointFlags::add_to(json& params) const {
  if (!endpoint.empty()) params["endpoint"] = endpoint;
  if (!policy.empty()) params["endpoint_policy"] = policy;
}

void add_endpoint_options(CLI::App& command, EndpointFlags& flags) {
  command.add_option("--endpoint", flags.endpoint,
                     "Ask this endpoint (`endpoints add`); MODEL@ENDPOINT does the same");
  command
      .add_option("--policy", flags.policy,
                  "What may leave this machine; never more than endpoints.policy allows")
      ->check(CLI::IsMember({"local", "prefer-local", "any"}));
}

void print_endpoint(const json& result) {
  const json& endpoint = result.at("endpoint");
  print_note(fmt::format(
      "{} at the endpoint {} ({}): first piece after {:.0f} ms, all after {:.0f} ms ({}){}{}",
      endpoint.at("model").get<std::string>(), endpoint.at("name").get<std::string>(),
      endpoint.at("kind").get<std::string>(), result.at("first_ms").get<double>(),
      result.at("latency_ms").get<double>(), result.at("provenance").get<std::string>(),
      usage_of(result), result.value("finish", "") == "length" ? "; cut at its limit" : ""));
  if (!result.contains("not_sent")) return;
  std::string names;
  for (const json& name : result["not_sent"])
    names += (names.empty() ? "" : ", ") + name.get<std::string>();
  print_note(fmt::format("Its protocol has no word for: {}.", names));
}

}  // namespace accel::cli
