// SPDX-License-Identifier: Apache-2.0
// endpoints {add, list, rm, test, stats}: servers that requests may go to.
#include <memory>
#include <optional>

#include "command.hpp"
#include "commands/endpoint_flags.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

struct AddFlags {
  std::string name, kind = "openai", url, key_env, key_file;
  std::vector<std::string> models;
  std::optional<int> max_concurrent, requests_per_minute, timeout_ms;
  std::optional<double> price_input, price_output;
  bool replace = false;
};

// A number, or what stands for one that nobody knows.
std::string shown(const json& row, const char* name, const char* format) {
  if (!row.contains(name) || !row[name].is_number()) return "-";
  return fmt::format(fmt::runtime(format), row[name].get<double>());
}

std::string models_of(const json& row) {
  std::string names;
  for (const json& model : row.at("models"))
    names += (names.empty() ? "" : ",") + model.at("name").get<std::string>();
  return names.empty() ? "(by MODEL@NAME)" : names;
}

Status add_endpoint(Session& session, const AddFlags& flags) {
  json params{{"name", flags.name}, {"kind", flags.kind}, {"replace", flags.replace}};
  const auto put = [&](const char* name, const auto& value) {
    if (value) params[name] = *value;
  };
  if (!flags.url.empty()) params["url"] = flags.url;
  if (!flags.key_env.empty()) params["key_env"] = flags.key_env;
  if (!flags.key_file.empty()) params["key_file"] = absolute(flags.key_file);
  if (!flags.models.empty()) params["models"] = flags.models;
  put("max_concurrent", flags.max_concurrent);
  put("requests_per_minute", flags.requests_per_minute);
  put("timeout_ms", flags.timeout_ms);
  put("price_input", flags.price_input);
  put("price_output", flags.price_output);
  ACCEL_TRY(const json result, session.call("endpoints.add", params));
  if (session.flags().json) return print_json(result);
  ACCEL_CHECK(print_line(fmt::format("added {} ({}) at {}", flags.name, flags.kind,
                                     result.at("url").get<std::string>())));
  if (result.at("usable") == false)
    print_note(
        "It is on another machine, and endpoints.policy is local: nothing goes there before "
        "`ipfs-accelerate config set endpoints.policy prefer-local`.");
  return {};
}

Status list_endpoints(Session& session) {
  ACCEL_TRY(const json result, session.call("endpoints.list", json::object()));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  for (const json& row : result.at("endpoints")) {
    rows.push_back({row.at("name"), row.at("kind"), row.at("url"),
                    row.at("on_this_machine") == true ? "this machine" : "away", models_of(row),
                    row.at("key").is_string() ? row["key"].get<std::string>() : "-"});
  }
  if (rows.empty()) {
    print_note("No endpoint yet: `ipfs-accelerate endpoints add NAME --kind openai --url URL`.");
    return {};
  }
  ACCEL_CHECK(print_table({"NAME", "KIND", "URL", "WHERE", "MODELS", "KEY"}, rows));
  print_note(fmt::format("endpoints.policy is {}.", result.at("policy").get<std::string>()));
  return {};
}

Status remove_endpoint(Session& session, const std::string& name) {
  ACCEL_TRY(const json result, session.call("endpoints.rm", {{"name", name}}));
  return session.flags().json ? print_json(result) : print_line("removed " + name);
}

Status test_endpoint(Session& session, const std::string& name) {
  ACCEL_TRY(const json result, session.call("endpoints.test", {{"name", name}}));
  if (session.flags().json) return print_json(result);
  for (const json& model : result.at("models")) ACCEL_CHECK(print_line(model.get<std::string>()));
  print_note(fmt::format("{} answered after {:.0f} ms (measured) with {} model(s).", name,
                         result.at("latency_ms").get<double>(), result.at("models").size()));
  return {};
}

Status print_stats(Session& session) {
  ACCEL_TRY(const json result, session.call("endpoints.stats", json::object()));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  for (const json& row : result.at("endpoints")) {
    rows.push_back({row.at("name"), row.at("breaker"), shown(row, "requests", "{:.0f}"),
                    shown(row, "failures", "{:.0f}"), shown(row, "refusals", "{:.0f}"),
                    shown(row, "outstanding", "{:.0f}"), shown(row, "latency_ms", "{:.1f}"),
                    shown(row, "p95_ms", "{:.1f}"), shown(row, "prompt_tokens", "{:.0f}"),
                    shown(row, "completion_tokens", "{:.0f}"), shown(row, "cost", "{:.6f}")});
  }
  ACCEL_CHECK(print_table({"NAME", "BREAKER", "REQUESTS", "FAILED", "REFUSED", "NOW", "FIRST ms",
                           "P95 ms", "PROMPT", "TOKENS", "COST"},
                          rows));
  print_note(
      "Times are measured here since the daemon's start; tokens are what the servers report.");
  return {};
}

void add_add_command(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<AddFlags>();
  CLI::App* command = add_command(
      group, "add", "Name a server that requests may go to",
      "  ipfs-accelerate endpoints add other --kind openai --url http://127.0.0.1:8081\n"
      "  ipfs-accelerate endpoints add local-llama --kind ollama --model llama3=llama3.2:1b\n"
      "  ipfs-accelerate endpoints add cloud --kind claude --model sonnet=claude-sonnet-4-0\n"
      "  ipfs-accelerate endpoints add mine --kind openai --url https://llm.example/v1 "
      "--key-file ~/.keys/mine\n\n"
      "Kinds: openai, anthropic, gemini, ollama, oip, tei, and by name of the server: claude, "
      "groq, hf_tei, hf_tgi, ipfs-accelerate, llama.cpp, mlserver, opea, ovms, ovms-llm, triton, "
      "vllm. A key is never an argument: name the variable or the file that holds it.");
  command->add_option("NAME", flags->name, "How it is called here")->required();
  command->add_option("--kind", flags->kind, "Its protocol, or the server's name");
  command->add_option("--url", flags->url, "Where it is (default: the kind's usual address)");
  command->add_option("--model", flags->models,
                      "NAME or NAME=ITS-NAME; may be given several times; '*': models that are not "
                      "here go to it by any name (default: only as MODEL@NAME)");
  command->add_option("--key-env", flags->key_env, "The environment variable that holds the key");
  command->add_option("--key-file", flags->key_file, "A file with the key, of mode 0600");
  command->add_option("--max-concurrent", flags->max_concurrent, "Requests at a time (default 8)");
  command->add_option("--requests-per-minute", flags->requests_per_minute,
                      "Requests a minute; 0 (default): no limit");
  command->add_option("--timeout-ms", flags->timeout_ms,
                      "How long it may send nothing (default 120000)");
  command->add_option("--price-input", flags->price_input, "Of a million tokens of prompts");
  command->add_option("--price-output", flags->price_output, "Of a million tokens of answers");
  command->add_flag("--replace", flags->replace, "Take the place of one of that name");
  on_chosen(command, selection,
            [flags](Session& session) { return add_endpoint(session, *flags); });
}

// A command whose only argument is an endpoint's name.
void add_name_command(CLI::App& group, Selection& selection, const char* name,
                      const char* description, Status (*action)(Session&, const std::string&)) {
  auto endpoint = std::make_shared<std::string>();
  CLI::App* command = add_command(group, name, description,
                                  fmt::format("  ipfs-accelerate endpoints {} other\n"
                                              "  ipfs-accelerate endpoints {} other --json",
                                              name, name));
  command->add_option("NAME", *endpoint, "The endpoint")->required();
  on_chosen(command, selection,
            [endpoint, action](Session& session) { return action(session, *endpoint); });
}

}  // namespace

void add_endpoint_commands(CLI::App& app, Selection& selection) {
  CLI::App* group = add_command(app, "endpoints", "Servers that requests may go to",
                                "  ipfs-accelerate endpoints list");
  group->require_subcommand(1);
  add_add_command(*group, selection);
  CLI::App* list = add_command(*group, "list", "List them, and where their keys lie",
                               "  ipfs-accelerate endpoints list\n"
                               "  ipfs-accelerate endpoints list --json");
  on_chosen(list, selection, list_endpoints);
  add_name_command(*group, selection, "rm", "Forget one", remove_endpoint);
  add_name_command(*group, selection, "test", "Ask one for its models", test_endpoint);
  CLI::App* stats = add_command(*group, "stats", "What was measured of each",
                                "  ipfs-accelerate endpoints stats\n"
                                "  ipfs-accelerate endpoints stats --json");
  on_chosen(stats, selection, print_stats);
}

}  // namespace accel::cli
