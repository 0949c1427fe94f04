// SPDX-License-Identifier: Apache-2.0
#include "protocols/ollama.hpp"

#include <algorithm>

#include "accel/ipld/cid.hpp"
#include "protocols/tools.hpp"

namespace accel::server::ollama {
namespace {

using nlohmann::json;

constexpr double kNanosecondsPerMs = 1e6;

// How a machine should compute: a node's own affair, and nothing that would change an answer.
constexpr std::string_view kHints[] = {"numa",     "num_batch", "num_gpu",   "main_gpu",
                                       "low_vram", "use_mmap",  "use_mlock", "num_thread"};
// Of what is pinned: as far away as clients' calendars reach.
constexpr std::string_view kNever = "9999-01-01T00:00:00Z";

// As api/openapi.yaml says them. The node holds whoever asks for a text to the same, but not a
// request that only loads its model.
struct OptionRange {
  const char* name;
  double low;
  double high;
};
constexpr OptionRange kNumbers[] = {{"temperature", 0, 10},
                                    {"top_p", 0, 1},
                                    {"min_p", 0, 1},
                                    {"repeat_penalty", 0.01, 10},
                                    {"presence_penalty", -2, 2},
                                    {"frequency_penalty", -2, 2}};
constexpr OptionRange kIntegers[] = {
    {"top_k", 0, 1 << 20}, {"seed", 0, 4294967295.0}, {"repeat_last_n", -1, 1 << 20}};
constexpr double kMaxContext = 1U << 30U;
constexpr std::int64_t kMaxAnswerTokens = 1 << 24;
constexpr double kMaxTopLogprobs = 20;
constexpr std::size_t kMaxStopWords = 16;
constexpr std::ptrdiff_t kMaxStopCharacters = 256;

// Below 0 as many as fit.
void read_num_predict(BodyReader& option, json& params) {
  option.integer("num_predict", params, "max_tokens");
  if (!params.contains("max_tokens")) return;
  if (params["max_tokens"] < 0) {
    params.erase("max_tokens");
  } else if (params["max_tokens"] == 0 || params["max_tokens"] > kMaxAnswerTokens) {
    option.refuse(
        Errc::invalid_argument,
        fmt::format("\"num_predict\" must be below 0, or from 1 to {}.", kMaxAnswerTokens));
  }
}

void read_stop(BodyReader& option, json& params) {
  std::vector<std::string> stop = option.texts("stop");
  const auto is_first = [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80;
  };
  const auto bad = [&](const std::string& word) {  // By characters of UTF-8.
    return word.empty() || std::ranges::count_if(word, is_first) > kMaxStopCharacters;
  };
  if (stop.size() > kMaxStopWords || std::ranges::any_of(stop, bad)) {
    option.refuse(Errc::invalid_argument,
                  fmt::format("\"stop\" may have {} texts of 1 to {} characters.", kMaxStopWords,
                              kMaxStopCharacters));
  }
  if (!stop.empty()) params["stop"] = std::move(stop);
}

void read_sampling(const json& options, BodyReader& reader, json& params) {
  BodyReader option(options);
  for (const OptionRange& range : kNumbers) {
    option.number(range.name, params, range.name);
    option.within(range.name, range.low, range.high);
  }
  for (const OptionRange& range : kIntegers) {
    option.integer(range.name, params, range.name);
    option.within(range.name, range.low, range.high);
  }
  option.integer("num_ctx", params, "context");
  option.within("num_ctx", 1, kMaxContext);
  read_num_predict(option, params);
  read_stop(option, params);
  // The values at which a sampler does nothing.
  for (const char* name : {"typical_p", "tfs_z"}) option.only(name, 1);
  option.only("mirostat", 0);
  option.allow(kHints);
  if (const Status status = option.finish(); !status)
    reader.refuse(status.error().code, status.error().message);
}

// A number of seconds or a duration; the node says what it may be.
void read_keep_alive(BodyReader& reader, json& params) {
  const json* const value = reader.value("keep_alive");
  if (value == nullptr) return;
  if (value->is_number() || value->is_string()) {
    params["keep_alive"] = *value;
  } else {
    reader.refuse(Errc::invalid_argument, "\"keep_alive\" must be a number or a text.");
  }
}

// A request that asks for no text loads its model, or unloads it when it is kept for no time.
MethodRequest load_request(const MethodRequest& asked) {
  const json keep_alive = asked.params.value("keep_alive", json());
  const bool goes = keep_alive == 0 || keep_alive == "0" || keep_alive == "0s";
  MethodRequest request{goes ? "models.unload" : "models.load"};
  request.params["model"] = asked.params.at("model");
  if (goes) return request;
  if (!keep_alive.is_null()) request.params["keep_alive"] = keep_alive;
  if (asked.params.contains("context")) request.params["context"] = asked.params.at("context");
  return request;
}

// "json", or a schema.
void read_format(std::string_view text, BodyReader& reader, json& params) {
  const json* const format = reader.value("format");
  if (format == nullptr || *format == "") return;
  if (*format == "json") {
    params["json_schema"] = {{"type", "object"}};
  } else if (format->is_object()) {
    if (auto schema = schema_text(text, "/format", *format)) {
      params["json_schema"] = *std::move(schema);
    } else {
      reader.refuse(schema.error().code, schema.error().message);
    }
  } else {
    reader.refuse(Errc::invalid_argument, "\"format\" must be \"json\" or a JSON Schema.");
  }
}

// The protocol's defaults, then what the client says.
void read_options(std::string_view text, BodyReader& reader, MethodRequest& request) {
  json& params = request.params;
  params["model"] = model_name(reader.required_text("model"));
  params["record"] = false;
  params["temperature"] = 0.8;
  params["top_k"] = 40;
  params["top_p"] = 0.9;
  request.stream = reader.flag("stream", true);
  read_format(text, reader, params);
  reader.only("think", false);
  const bool logprobs = reader.flag("logprobs", false);
  if (logprobs) params["logprobs"] = 0;
  if (logprobs) reader.integer("top_logprobs", params, "logprobs");
  if (logprobs) reader.within("top_logprobs", 0, kMaxTopLogprobs);
  if (!logprobs) reader.only("top_logprobs", 0);
  if (logprobs && request.stream) params["parts"] = true;
  read_keep_alive(reader, params);
  if (const json* const options = reader.object("options"); options != nullptr)
    read_sampling(*options, reader, params);
}

std::int64_t nanoseconds(const json& result, const char* name) {
  return static_cast<std::int64_t>(result.value(name, 0.0) * kNanosecondsPerMs);
}

// An endpoint may not tell what it used.
void put_count(const json& result, const char* name, json& into, const char* as) {
  if (result.contains(name)) into[as] = result.at(name);
}

json details_of(const json& model) {
  const std::string family = model.value("family", "");
  const std::string precision = model.value("precision", "");
  const bool writes = model.value("task", "") == "text-generation";
  return {{"parent_model", ""},   {"format", model.value("format", writes ? "gguf" : "onnx")},
          {"family", family},     {"families", json::array({family})},
          {"parameter_size", ""}, {"quantization_level", precision}};
}

json row_of(const json& model) {
  return {{"name", model.at("name")},
          {"model", model.at("name")},
          {"size", model.value("bytes", std::uint64_t{0})},
          {"digest", model.at("cid")},
          {"details", details_of(model)}};
}

void put_logprobs(const json& result, json& line) {
  for (json entry : result.value("logprobs", json::array())) {
    entry.erase("offset");
    entry["top_logprobs"] = std::move(entry["top"]);
    entry.erase("top");
    line["logprobs"].push_back(std::move(entry));
  }
}

// Calls whose arguments are whole: here they are objects, which a part of one is not.
json calls_in(const json& result) {
  json calls = json::array();
  for (const json& call : result.value("tool_calls", json::array())) {
    const auto& text = call.at("arguments").get_ref<const std::string&>();
    json arguments = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!arguments.is_object()) continue;
    calls.push_back({{"id", call.at("id")},
                     {"function",
                      {{"index", calls.size()},
                       {"name", call.at("name")},
                       {"arguments", std::move(arguments)}}}});
  }
  return calls;
}

json piece(Kind kind, const ReplyFacts& facts, std::string_view text, bool done) {
  json line{{"model", facts.model}, {"created_at", facts.time}, {"done", done}};
  if (kind == Kind::chat) {
    line["message"] = {{"role", "assistant"}, {"content", text}};
  } else {
    line["response"] = text;
  }
  return line;
}

}  // namespace

std::string model_name(std::string_view name) {
  constexpr std::string_view kLatest = ":latest";
  const bool has_tag = name.size() > kLatest.size() && name.ends_with(kLatest);
  if (has_tag) name.remove_suffix(kLatest.size());
  return std::string(name);
}

Result<MethodRequest> generate_request(const json& body, std::string_view text) {
  MethodRequest request{"text.generate"};
  BodyReader reader(body);
  read_options(text, reader, request);
  const std::string prompt = reader.text("prompt", {});
  const std::string system = reader.text("system", {});
  const bool raw = reader.flag("raw", false);
  reader.only("suffix", "");
  reader.only("images", json::array());
  reader.only("template", "");
  reader.only("context", json::array());
  ACCEL_CHECK(reader.finish());
  if (prompt.empty()) return load_request(request);
  if (raw) {
    request.params["prompt"] = prompt;
    return request;
  }
  json messages = json::array();
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", prompt}});
  request.params["messages"] = std::move(messages);
  return request;
}

Result<MethodRequest> chat_request(const json& body, std::string_view text) {
  MethodRequest request{"text.generate"};
  BodyReader reader(body);
  read_options(text, reader, request);
  reader.allow({"messages", "tools"});
  ACCEL_CHECK(reader.finish());
  ACCEL_CHECK(read_tools(body, text, request.params));
  const auto messages = body.find("messages");
  if (messages != body.end() && *messages == json::array()) return load_request(request);
  ACCEL_TRY(request.params["messages"], messages_of(body));
  return request;
}

Result<MethodRequest> embed_request(const json& body) {
  MethodRequest request{"run"};
  BodyReader reader(body);
  request.params = {{"model", model_name(reader.required_text("model"))},
                    {"task", "text-embedding"},
                    {"inputs", reader.texts("input")},
                    {"cache", reader.flag("cache", true)},
                    {"record", false}};
  (void)reader.flag("truncate", true);
  reader.only("dimensions", nullptr);
  if (request.params["inputs"].empty())
    reader.refuse(Errc::invalid_argument, "\"input\" must be a text or a list of texts.");
  read_keep_alive(reader, request.params);
  if (const json* const options = reader.object("options"); options != nullptr) {
    BodyReader option(*options);
    option.allow(kHints);
    if (const Status status = option.finish(); !status)
      reader.refuse(status.error().code, status.error().message);
  }
  ACCEL_CHECK(reader.finish());
  return request;
}

// Older clients say "name".
std::string named_model(BodyReader& reader) {
  const std::string older = reader.text("name", {});
  const std::string model = reader.text("model", {});
  return model.empty() && !older.empty() ? older : reader.required_text("model");
}

Result<MethodRequest> show_request(const json& body) {
  MethodRequest request{"models.show"};
  BodyReader reader(body);
  request.params["model"] = model_name(named_model(reader));
  for (const char* name : {"system", "template"}) reader.only(name, "");
  reader.only("options", json::object());
  reader.allow({"verbose"});  // More of what there is not.
  ACCEL_CHECK(reader.finish());
  return request;
}

Result<PullRequest> pull_request(const json& body) {
  PullRequest request;
  BodyReader reader(body);
  request.model = named_model(reader);
  request.stream = reader.flag("stream", true);
  (void)reader.flag("insecure", false);  // What comes is verified, whoever brings it.
  for (const char* name : {"username", "password"}) reader.only(name, "");
  ACCEL_CHECK(reader.finish());
  std::string_view text = request.model;
  const bool is_hub =
      text.starts_with("hf:") || text.starts_with("ollama:") || text.starts_with("s3:");
  if (is_hub || text.find('@') != text.npos || text.starts_with('/') || ipld::Cid::parse(text))
    request.target = request.model;
  return request;
}

Error unknown_model(const std::string& name) {
  return {
      Errc::not_found,
      fmt::format("pull model manifest: there is no model \"{}\" here. Pull it by its CID, as "
                  "NAME@CID, or by name from a hub: ollama:{}, hf:ORG/NAME or s3:BUCKET/PREFIX.",
                  name, name),
      {}};
}

std::string pull_line(const std::string& digest, const json& progress) {
  json line{{"status", "pulling " + digest}, {"digest", digest}};
  const auto total = progress.value("bytes_total", std::uint64_t{0});
  if (total > 0) line["total"] = total;  // Not known yet.
  line["completed"] = progress.value("bytes_done", std::uint64_t{0});
  return line_of(line);
}

std::string pull_end(const json& result) {
  const json whole{{"bytes_done", result.at("bytes_total")},
                   {"bytes_total", result.at("bytes_total")}};
  return pull_line(result.at("cid").get<std::string>(), whole) + line_of({{"status", "success"}});
}

json text_reply(Kind kind, const ReplyFacts& facts, const json& result, bool whole) {
  json reply =
      piece(kind, facts, whole ? result.at("text").get<std::string>() : std::string(), true);
  if (const json calls = calls_in(result); whole && !calls.empty())
    reply["message"]["tool_calls"] = calls;
  if (whole) put_logprobs(result, reply);
  const bool cut = result.at("finish") == "length";
  reply["done_reason"] = cut ? "length" : "stop";
  reply["total_duration"] = nanoseconds(result, "total_ms");
  reply["load_duration"] = nanoseconds(result, "load_ms");
  put_count(result, "prompt_tokens", reply, "prompt_eval_count");
  reply["prompt_eval_duration"] = nanoseconds(result, "prefill_ms");
  put_count(result, "completion_tokens", reply, "eval_count");
  reply["eval_duration"] = nanoseconds(result, "decode_ms");
  return reply;
}

json load_reply(Kind kind, const ReplyFacts& facts, bool loaded) {
  json reply = piece(kind, facts, "", true);
  reply["done_reason"] = loaded ? "load" : "unload";
  return reply;
}

std::string text_line(Kind kind, const ReplyFacts& facts, std::string_view text) {
  return line_of(piece(kind, facts, text, false));
}

std::string part_lines(Kind kind, const ReplyFacts& facts, std::string_view parts) {
  std::string lines;
  for (const json& part : parts_of(parts)) {
    if (!part.contains("content")) continue;  // Calls come whole, at the end.
    json line = piece(kind, facts, part.at("content").get_ref<const std::string&>(), false);
    put_logprobs(part, line);
    lines += line_of(line);
  }
  return lines;
}

std::string last_lines(Kind kind, const ReplyFacts& facts, const json& result) {
  std::string lines;
  if (json calls = calls_in(result); !calls.empty()) {
    json line = piece(kind, facts, "", false);
    line["message"]["tool_calls"] = std::move(calls);
    lines += line_of(line);
  }
  return lines + line_of(text_reply(kind, facts, result, false));
}

std::string line_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<json> embed_reply(const json& body, const json& result) {
  if (body.value("truncate", json()) == false && result.value("truncated", std::uint64_t{0}) > 0)
    return fail(too_long(result));
  return json{{"model", body.at("model")},
              {"embeddings", result.at("embeddings")},
              {"total_duration", nanoseconds(result, "total_ms")},
              {"load_duration", nanoseconds(result, "load_ms")},
              {"prompt_eval_count", result.value("tokens", json())}};
}

json tags_reply(const json& list) {
  json models = json::array();
  for (const json& model : list.at("models")) {
    if (!model.contains("reason")) models.push_back(row_of(model));
  }
  return {{"models", std::move(models)}};
}

json ps_reply(const json& list) {
  json models = json::array();
  for (const json& model : list.at("models")) {
    json row = row_of(model);
    row["size"] = model.value("memory_bytes", std::uint64_t{0});
    row["size_vram"] = 0;
    row["expires_at"] = model.value("expires_at", kNever);
    if (model.contains("context")) row["context_length"] = model.at("context");
    models.push_back(std::move(row));
  }
  return {{"models", std::move(models)}};
}

json show_reply(const json& model) {
  json details = details_of(model);
  const json& variants = model.at("variants");
  if (!variants.empty()) {
    details["format"] = variants.front().at("format");
    details["quantization_level"] = variants.front().at("precision");
  }
  json capabilities = json::array();
  if (model.at("task") == "text-generation") capabilities.push_back("completion");
  if (model.at("task") == "text-embedding") capabilities.push_back("embedding");
  if (model.value("template_knows_tools", false)) capabilities.push_back("tools");
  return {{"modelfile", ""},
          {"parameters", ""},
          {"template", ""},
          {"details", std::move(details)},
          {"model_info",
           {{"general.architecture", model.at("family")}, {"general.cid", model.at("cid")}}},
          {"capabilities", std::move(capabilities)}};
}

}  // namespace accel::server::ollama
