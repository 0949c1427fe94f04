// SPDX-License-Identifier: Apache-2.0
// run --prompt, text generate: a text as it is written. ps: what a daemon holds in memory.
#include "text.hpp"

#include <memory>

#include "accel/core/file.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

constexpr int kMaxAnswerTokens = 1 << 24;
constexpr std::size_t kMaxSchemaBytes = 64U << 10U;  // What a node takes.

// A model's text must not steer the terminal: of the control characters only ends of lines and tabs
// are printed.
std::string printable(ByteView bytes) {
  std::string text;
  for (const char c : as_text(bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte != 0x7F) || c == '\n' || c == '\t') text += c;
  }
  return text;
}

json params_of(const TextFlags& flags) {
  json params{{"model", flags.model}, {"threads", flags.threads}};
  if (flags.raw) {
    params["prompt"] = flags.prompt;
  } else {
    json messages = json::array();
    if (!flags.system.empty()) messages.push_back({{"role", "system"}, {"content", flags.system}});
    messages.push_back({{"role", "user"}, {"content", flags.prompt}});
    params["messages"] = std::move(messages);
  }
  params["temperature"] = flags.temperature;
  params["top_k"] = flags.top_k;
  params["top_p"] = flags.top_p;
  if (flags.max_tokens) params["max_tokens"] = *flags.max_tokens;
  if (flags.seed >= 0) params["seed"] = flags.seed;
  if (!flags.draft.empty()) params["draft"] = flags.draft;
  if (!flags.stop.empty()) params["stop"] = flags.stop;
  return params;
}

// A schema as text, which keeps the order of its members; what does not begin with "{" is a file.
Result<std::string> schema_of(const std::string& given) {
  const std::size_t start = given.find_first_not_of(" \t\r\n");
  if (start != std::string::npos && given[start] == '{') return given;
  const Result<std::string> text = read_text_file(given, kMaxSchemaBytes);
  if (!text || text->empty()) {
    return fail(Errc::invalid_argument,
                "--json-schema must be a JSON object or a file of 1 to {} bytes that can be read: "
                "{}.",
                kMaxSchemaBytes, given);
  }
  return text;
}

// " at 120/s"; nothing where it was not measured.
std::string rate_of(const json& result, const char* name) {
  const double rate = result.value(name, 0.0);
  return rate > 0 ? fmt::format(" at {:.0f}/s", rate) : std::string();
}

// ", 30 of 40 drafts right"; nothing where nobody drafted.
std::string drafts_of(const json& result) {
  if (!result.contains("drafted_tokens")) return {};
  return fmt::format(", {} of {} drafts right", result.value("accepted_tokens", 0),
                     result.at("drafted_tokens").get<std::uint64_t>());
}

Status print_end(const json& result) {
  ACCEL_CHECK(print_line(""));
  if (result.contains("endpoint")) {
    print_endpoint(result);
    return {};
  }
  print_note(fmt::format(
      "{} {} on {}, {}, {} thread(s): {} prompt tokens{}, {} tokens{} ({}){}",
      result.at("engine").get<std::string>(), result.at("engine_version").get<std::string>(),
      result.at("device").get<std::string>(), result.at("precision").get<std::string>(),
      result.value("threads", 0), result.value("prompt_tokens", 0),
      rate_of(result, "prefill_tokens_per_second"), result.value("completion_tokens", 0),
      rate_of(result, "decode_tokens_per_second") + drafts_of(result),
      result.at("provenance").get<std::string>(),
      result.at("finish") == "length" ? "; cut at --max-tokens" : ""));
  return {};
}

// Of a policy "device=auto precision=auto threads=0 …" what was asked for, in the words of `run`.
std::string wishes_of(std::string_view policy) {
  std::string wishes;
  while (!policy.empty()) {
    const std::string_view part = policy.substr(0, policy.find(' '));
    policy.remove_prefix(std::min(part.size() + 1, policy.size()));
    const std::size_t is = part.find('=');
    if (is == part.npos) continue;
    const std::string_view name = part.substr(0, is), value = part.substr(is + 1);
    const bool asked = value != "auto" && value != "0" && !value.empty();
    const bool flag =
        name == "device" || name == "precision" || name == "threads" || name == "max_error";
    if (asked && flag) wishes += fmt::format("{}{} {}", wishes.empty() ? "" : ", ", name, value);
  }
  return wishes.empty() ? "whatever is fastest" : wishes;
}

Status print_loaded(Session& session) {
  ACCEL_TRY(const json result, session.call("models.loaded", json::object()));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  for (const json& model : result.at("models")) {
    const auto text = [&](const char* name) {
      if (!model.contains(name)) return std::string("-");
      return model[name].is_string() ? model[name].get<std::string>() : model[name].dump();
    };
    const bool pinned = model.value("pinned", false);
    const std::string texts =
        model.contains("running")
            ? fmt::format("{} written, {} wait", text("running"), text("waiting"))
            : "-";
    rows.push_back({text("name"), text("task"), text("engine"), text("device"), text("precision"),
                    text("threads"), human_bytes(model.value("memory_bytes", std::uint64_t{0})),
                    text("memory_known"), text("context"), text("busy"), texts, text("last_used"),
                    pinned ? "pinned" : text("expires_at"), text("cid"),
                    model.contains("policy") ? wishes_of(text("policy")) : "-"});
  }
  if (rows.empty())
    return print_line(session.has_daemon() ? "no model is loaded" : "no daemon runs here");
  return print_table(
      {"NAME", "TASK", "ENGINE", "DEVICE", "PRECISION", "THREADS", "MEMORY", "KNOWN BY", "CONTEXT",
       "CALLS NOW", "TEXTS NOW", "LAST USED", "EXPIRES", "CID", "LOADED FOR"},
      rows);
}

}  // namespace

void add_text_options(CLI::App& command, TextFlags& flags) {
  command.add_option("--system", flags.system, "What the model is told before the prompt");
  command.add_flag("--raw", flags.raw, "Go on with the prompt as it is, without a chat template");
  command.add_option("--max-tokens", flags.max_tokens, "Tokens of the answer (default: 512)")
      ->check(CLI::Range(1, kMaxAnswerTokens));
  command.add_option("--json-schema", flags.json_schema,
                     "The answer is JSON that fits this schema: a file, or its text");
  command.add_option("--temperature", flags.temperature,
                     "0 (default) takes the likeliest token; more is more varied");
  command.add_option("--top-k", flags.top_k,
                     "Choose among so many tokens, 0: all; of other tasks, give so many answers");
  command.add_option("--top-p", flags.top_p, "Choose among the tokens that make up this share");
  command.add_option("--seed", flags.seed,
                     "The same seed gives the same text (default: chance) or image (default: 0)");
  command.add_option("--draft", flags.draft,
                     "Who guesses ahead: a smaller model of the same vocabulary, prompt-lookup, or "
                     "none (default: text.draft_model)");
  add_endpoint_options(command, flags.endpoint);
  command.add_option("--stop", flags.stop, "End before this text; may be given several times");
}

Status generate_text(Session& session, const TextFlags& flags) {
  const bool shown = !session.flags().json;
  bool in_line = false;  // The cursor stands behind a piece of the text.
  const auto sink = [&](ByteView bytes) -> Status {
    if (!shown) return {};
    const std::string piece = printable(bytes);
    if (!piece.empty()) in_line = !piece.ends_with('\n');
    return print_bytes(as_bytes(piece));
  };
  json params = params_of(flags);
  flags.sources.add_to(params);
  flags.endpoint.add_to(params);
  if (!flags.json_schema.empty()) {
    ACCEL_TRY(params["json_schema"], schema_of(flags.json_schema));
  }
  const Result<json> written = session.call("text.generate", params, sink);
  if (!written && in_line) ACCEL_CHECK(print_line(""));  // The error has a line of its own.
  ACCEL_TRY(const json result, written);
  return shown ? print_end(result) : print_json(result);
}

void add_generate_command(CLI::App& text, Selection& selection) {
  auto flags = std::make_shared<TextFlags>();
  CLI::App* command = add_command(
      text, "generate", "Write a text, shown as it is written",
      "  ipfs-accelerate text generate --model smollm --prompt 'What is 2+2?'\n"
      "  ipfs-accelerate text generate --model smollm --raw --prompt 'Once upon a time' --json\n"
      "  ipfs-accelerate text generate --model smollm --endpoint other --prompt 'What is 2+2?'");
  command->add_option("--model", flags->model, "Name or CID")->required();
  command->add_option("--prompt", flags->prompt, "What to answer")->required();
  command->add_option("--threads", flags->threads,
                      "Threads; 0 (default): as many as the machine has idle CPUs");
  add_text_options(*command, *flags);
  add_source_options(command, flags->sources);
  on_chosen(command, selection,
            [flags](Session& session) { return generate_text(session, *flags); });
}

void add_ps_command(CLI::App& app, Selection& selection) {
  CLI::App* command = add_command(app, "ps", "List the models that the daemon holds in memory",
                                  "  ipfs-accelerate ps\n  ipfs-accelerate ps --json");
  on_chosen(command, selection, [](Session& session) { return print_loaded(session); });
}

}  // namespace accel::cli
