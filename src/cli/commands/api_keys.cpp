// SPDX-License-Identifier: Apache-2.0
// api-keys: who may call the node's API over TCP.
#include <charconv>
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

// "90d", "12h", "30m": as long as a key lasts, in seconds.
Result<std::int64_t> lifetime_of(const std::string& text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [unit, error] = std::from_chars(text.data(), end, count);
  constexpr std::int64_t kMost = 36'500;
  const bool one_letter = error == std::errc() && end - unit == 1 && count > 0;
  if (one_letter && *unit == 'd' && count <= kMost) return count * 24 * 60 * 60;
  if (one_letter && *unit == 'h' && count <= kMost * 24) return count * 60 * 60;
  if (one_letter && *unit == 'm' && count <= kMost * 24 * 60) return count * 60;
  return fail(Errc::invalid_argument,
              "--expires takes a number of days, hours or minutes: 90d, 12h, 30m, not \"{}\".",
              text.substr(0, 32));
}

std::string limits_text(const json& limits) {
  std::string text;
  for (const auto& [name, value] : limits.items())
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", name, value.dump());
  return text;
}

constexpr std::int64_t kMaxLimit = std::int64_t{1} << 53U;  // What a node takes.

std::string models_text(const json& models) {
  std::string text;
  for (const json& model : models)
    text += (text.empty() ? "" : ", ") + (model.is_string() ? model.get<std::string>() : "-");
  return text.empty() ? "all" : text;
}

struct CreateFlags {
  std::string role = "inference", label, expires;
  std::vector<std::string> models;
  std::map<std::string, std::int64_t> limits;
};

void add_limits(CLI::App& command, CreateFlags& flags) {
  const auto limit = [&](const char* flag, const char* name, const char* what) {
    command.add_option(flag, flags.limits[name], what + std::string("; 1 to 2^53"))
        ->check(CLI::Range(std::int64_t{1}, kMaxLimit));
  };
  limit("--requests-per-minute", "requests_per_minute", "Requests in any minute");
  limit("--concurrent-requests", "concurrent_requests", "Requests at a time");
  limit("--tokens-per-minute", "tokens_per_minute", "Tokens in any minute, of prompts and answers");
  limit("--tokens-per-day", "tokens_per_day", "The same in any 24 hours");
  limit("--max-tokens", "max_tokens", "Tokens that a request may ask for as its answer");
  limit("--body-bytes", "body_bytes", "Bytes of a request's body");
  command
      .add_option("--priority", flags.limits["priority"],
                  "The best that it may ask for: 1 (high), 2 (normal, when not said) or 3 (low)")
      ->check(CLI::Range(1, 3));
}

Status create(Session& session, const CreateFlags& flags) {
  json params{{"role", flags.role}, {"label", flags.label}, {"models", flags.models}};
  for (const auto& [name, value] : flags.limits) {
    if (value > 0) params[name] = value;
  }
  if (!flags.expires.empty()) {
    ACCEL_TRY(params["expires_seconds"], lifetime_of(flags.expires));
  }
  ACCEL_TRY(const json key, session.call("api_keys.create", params));
  if (session.flags().json) return print_json(key);
  ACCEL_CHECK(print_line(key.value("key", "")));
  print_note(fmt::format("{} has the role {}; the key is shown this once, only its hash is kept",
                         key.value("id", ""), key.value("role", "")));
  return {};
}

void add_create(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<CreateFlags>();
  CLI::App* command =
      add_command(group, "create", "Make a key and print it, once",
                  "  ipfs-accelerate api-keys create --label ci --expires 90d\n"
                  "  ipfs-accelerate api-keys create --role read --label prometheus\n"
                  "  ipfs-accelerate api-keys create --model minilm --requests-per-minute 60 "
                  "--tokens-per-day 1000000");
  command->add_option("--role", flags->role,
                      "read, inference, operator or admin (default: inference)");
  command->add_option("--label", flags->label, "What the key is for");
  command->add_option("--expires", flags->expires, "How long it lasts: 90d, 12h, 30m");
  command->add_option("--model", flags->models,
                      "A model's name, the only one it may run; may be given again");
  add_limits(*command, *flags);
  on_chosen(command, selection, [flags](Session& session) { return create(session, *flags); });
}

void add_list(CLI::App& group, Selection& selection) {
  CLI::App* command = add_command(group, "list", "List the keys, which are not shown again",
                                  "  ipfs-accelerate api-keys list");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("api_keys.list", json::object()));
    if (session.flags().json) return print_json(result);
    const auto text = [](const json& key, const char* name) {
      return key.at(name).is_string() ? key.at(name).get<std::string>() : std::string("never");
    };
    std::vector<std::vector<std::string>> rows;
    for (const json& key : result.at("keys")) {
      rows.push_back({text(key, "id"), text(key, "role"), text(key, "label"), text(key, "created"),
                      text(key, "expires") + (key.value("expired", false) ? " (over)" : ""),
                      text(key, "last_used"), models_text(key.value("models", json::array())),
                      limits_text(key.at("limits"))});
    }
    return print_table(
        {"ID", "ROLE", "LABEL", "CREATED", "EXPIRES", "LAST USED", "MODELS", "LIMITS"}, rows);
  });
}

void add_revoke(CLI::App& group, Selection& selection) {
  auto key = std::make_shared<std::string>();
  CLI::App* command =
      add_command(group, "revoke", "Let a key in no more; a running daemon knows at once",
                  "  ipfs-accelerate api-keys revoke ak_0123456789ab");
  command->add_option("KEY", *key, "Its id, or its label")->required();
  on_chosen(command, selection, [key](Session& session) -> Status {
    ACCEL_TRY(const json revoked, session.call("api_keys.revoke", {{"key", *key}}));
    if (session.flags().json) return print_json(revoked);
    return print_line(revoked.value("id", ""));
  });
}

}  // namespace

void add_api_key_commands(CLI::App& app, Selection& selection) {
  CLI::App* keys = add_command(app, "api-keys", "Keys by which others may call the node's API",
                               "  ipfs-accelerate api-keys create --label ci");
  keys->require_subcommand(1);
  add_create(*keys, selection);
  add_list(*keys, selection);
  add_revoke(*keys, selection);
}

}  // namespace accel::cli
