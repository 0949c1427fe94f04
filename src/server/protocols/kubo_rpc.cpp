// SPDX-License-Identifier: Apache-2.0
#include "protocols/kubo_rpc.hpp"

#include <algorithm>
#include <array>

#include "accel/core/config.hpp"
#include "accel/net/url.hpp"
#include "protocols/kubo_replies.hpp"

namespace accel::server::kubo {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxOptions = 64;
constexpr std::size_t kMaxArgs = 1000;
constexpr int kClientError = 1;  // Kubo's numbers: 0 any error, 1 the client's fault.

// What says how an answer travels or looks, and changes nothing of what it says here.
constexpr std::string_view kHarmless =
    " stream-channels encoding enc stream quiet quieter silent verbose progress latency direction "
    "streams identify human names paths stats v ipns-base cid-base timeout ";

// Kubo's own options that it makes no difference to leave at these values.
constexpr std::pair<std::string_view, std::string_view> kOnly[] = {
    {"nocopy", "false"},         {"fscache", "false"},
    {"compress", "false"},       {"C", "false"},
    {"preserve-mode", "false"},  {"to-files", ""},
    {"preserve-mtime", "false"}, {"dereference-args", "false"},
    {"stdin-name", ""},          {"allow-delegated", "false"},
    {"v1compat", "true"},        {"allow-offline", "true"},
    {"resolve", "true"},         {"allow-big-block", "false"},
    {"headers", "false"},        {"size", "true"},
    {"resolve-type", "true"},    {"local-resolve", "true"}};

constexpr std::array kCommands{
    Command{"add", Answer::upload, 0, 0,
            " pin cid-version raw-leaves wrap-with-directory only-hash chunker hash trickle inline "
            "inline-limit pin-name recursive r w hidden "},
    Command{"cat", Answer::bytes, 1, 1, " offset length "},
    Command{"get", Answer::bytes, 1, 1, " archive a "},
    Command{"ls", Answer::lines, 1, 1, ""},
    Command{"version", Answer::json, 0, 0, " number commit repo all "},
    Command{"id", Answer::json, 0, 1, " format f peerid-base peer-id "},
    Command{"pin/add", Answer::lines, 1, 1, " recursive r name "},
    Command{"pin/rm", Answer::lines, 1, 1, " recursive r "},
    Command{"pin/ls", Answer::lines, 0, 1, " type t name "},
    Command{"pin/update", Answer::json, 2, 2, " unpin "},
    Command{"block/get", Answer::bytes, 1, 1, ""},
    Command{"block/stat", Answer::json, 1, 1, ""},
    Command{"block/put", Answer::upload, 0, 0, " cid-codec format mhtype mhlen pin "},
    Command{"dag/get", Answer::bytes, 1, 1, " output-codec "},
    Command{"dag/put", Answer::upload, 0, 0, " store-codec input-codec pin hash "},
    Command{"dag/import", Answer::upload, 0, 0, " pin-roots "},
    Command{"dag/export", Answer::bytes, 1, 1, ""},
    Command{"dag/stat", Answer::json, 1, 100, ""},
    Command{"dag/resolve", Answer::json, 1, 1, " path "},
    Command{"swarm/peers", Answer::json, 0, 0, ""},
    Command{"swarm/connect", Answer::json, 1, 1, ""},
    Command{"swarm/disconnect", Answer::json, 1, 1, ""},
    Command{"key/list", Answer::json, 0, 0, " l "},
    Command{"key/gen", Answer::json, 1, 1, " type t size s "},
    Command{"key/rename", Answer::json, 2, 2, " force f "},
    Command{"key/rm", Answer::json, 1, 100, " force f l "},
    Command{"name/publish", Answer::json, 1, 1, " key k lifetime t ttl sequence "},
    Command{"name/resolve", Answer::lines, 0, 1, " nocache n recursive r "},
    Command{"repo/gc", Answer::lines, 0, 0, ""},
    Command{"repo/stat", Answer::json, 0, 0, " size-only "},
};

bool lists(std::string_view names, std::string_view name) {
  return names.find(fmt::format(" {} ", name)) != names.npos;
}

bool is_harmless(std::string_view name, std::string_view value) {
  if (lists(kHarmless, name)) return true;
  return std::ranges::any_of(kOnly, [&](const auto& only) {
    // A flag without a value is set (flag_of).
    return only.first == name && (only.second == value || (value.empty() && only.second == "true"));
  });
}

// A global option of Kubo's: nobody else is asked. Commands that ask nobody have it anyhow.
constexpr std::string_view kOffline = "offline";
constexpr std::string_view kOnlineOnly = " swarm/connect swarm/disconnect ";

Status check_offline(const Command& command, const Query& query) {
  ACCEL_TRY(const bool offline, flag_of(query, kOffline, false));
  if (!offline || !lists(kOnlineOnly, command.path)) return {};
  return fail(Errc::unsupported, "{} can't be done offline.", command.path);
}

Result<std::int64_t> number_of(const Query& query, std::string_view name, std::int64_t fallback) {
  const std::string text = text_of(query, name, {});
  if (text.empty()) return fallback;
  const json value = json::parse(text, nullptr, false);
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return fail(Errc::invalid_argument, "The option {} is a whole number, not \"{}\".", name,
              text.substr(0, 40));
}

std::string short_or_long(const Query& query, std::string_view name, std::string_view letter) {
  return text_of(query, name, text_of(query, letter, {}));
}

Result<MethodRequest> pin_ls(const Query& query) {
  MethodRequest request{"pin.ls"};
  const std::string type = short_or_long(query, "type", "t");
  if (type == "indirect") {
    return fail(Errc::unsupported,
                "Pins that others imply are not listed here; pin/ls lists "
                "recursive and direct ones.");
  }
  if (!type.empty()) request.params["type"] = type;
  if (const auto name = text_of(query, "name", {}); !name.empty()) request.params["name"] = name;
  return request;
}

Result<MethodRequest> key_gen(const Query& query) {
  const std::string type = short_or_long(query, "type", "t");
  if (!type.empty() && type != "ed25519") {
    return fail(Errc::unsupported, "Keys of type {} are not made here; ed25519 is.",
                type.substr(0, 40));
  }
  return MethodRequest{"key.gen", {{"name", query.args.front()}}};
}

Result<MethodRequest> name_publish(const Query& query) {
  MethodRequest request{"name.publish", {{"path", query.args.front()}}};
  if (const auto key = short_or_long(query, "key", "k"); !key.empty()) request.params["key"] = key;
  const std::pair<std::string, const char*> times[] = {
      {short_or_long(query, "lifetime", "t"), "lifetime_seconds"},
      {text_of(query, "ttl", {}), "ttl_seconds"}};
  for (const auto& [text, name] : times) {
    if (text.empty()) continue;
    ACCEL_TRY(const auto time, duration_of(text));
    request.params[name] = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  }
  if (query.options.contains("sequence")) {
    ACCEL_TRY(request.params["sequence"], number_of(query, "sequence", 0));
  }
  ACCEL_TRY(request.params["offline"], flag_of(query, kOffline, false));
  return request;
}

Result<MethodRequest> cat(const Query& query) {
  MethodRequest request{"content.cat", {{"target", query.args.front()}}};
  ACCEL_TRY(request.params["offset"], number_of(query, "offset", 0));
  ACCEL_TRY(request.params["length"], number_of(query, "length", -1));
  return request;
}

Result<MethodRequest> pin(const Query& query, const char* method) {
  MethodRequest request{method, {{"target", query.args.front()}}};
  ACCEL_TRY(const bool recursive,
            flag_of(query, query.options.contains("r") ? "r" : "recursive", true));
  if (std::string_view(method) == "pin.add") request.params["recursive"] = recursive;
  if (const auto name = text_of(query, "name", {}); !name.empty()) request.params["name"] = name;
  return request;
}

Result<MethodRequest> key_rename(const Query& query) {
  ACCEL_TRY(const bool force, flag_of(query, query.options.contains("f") ? "f" : "force", false));
  return MethodRequest{"key.rename",
                       {{"from", query.args[0]}, {"to", query.args[1]}, {"force", force}}};
}

Result<MethodRequest> name_resolve(const Query& query) {
  ACCEL_TRY(const bool no_cache,
            flag_of(query, query.options.contains("n") ? "n" : "nocache", false));
  ACCEL_TRY(const bool recursive,
            flag_of(query, query.options.contains("r") ? "r" : "recursive", true));
  if (!recursive) {
    return fail(Errc::unsupported, "A name is followed to its end here, not one step of it.");
  }
  ACCEL_TRY(const bool offline, flag_of(query, kOffline, false));
  const std::string name = query.args.empty() ? std::string() : query.args.front();
  return MethodRequest{"name.resolve",
                       {{"name", name}, {"no_cache", no_cache}, {"offline", offline}}};
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view path) {
  const auto* const found = std::ranges::find(kCommands, path, &Command::path);
  return found == kCommands.end() ? nullptr : found;
}

Result<Query> read_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(item.size() + 1, text.size()));
    if (item.empty()) continue;
    const std::string_view key = item.substr(0, item.find('='));
    const auto value = net::query_value(item, key);
    if (!value) return fail(Errc::invalid_argument, "The query is badly coded.");
    if (key == "arg") {
      query.args.push_back(*value);
    } else {
      query.options[std::string(key)] = *value;
    }
    if (query.args.size() > kMaxArgs || query.options.size() > kMaxOptions) {
      return fail(Errc::invalid_argument, "The query has too many options or arguments.");
    }
  }
  return query;
}

Status check_query(const Command& command, const Query& query) {
  if (query.args.size() < command.least_args) {
    return fail(Errc::invalid_argument, "{} takes at least {} argument{} (arg=…), and has {}.",
                command.path, command.least_args, command.least_args == 1 ? "" : "s",
                query.args.size());
  }
  if (query.args.size() > command.most_args) {
    return fail(Errc::unsupported, "{} takes at most {} argument{} here.", command.path,
                command.most_args, command.most_args == 1 ? "" : "s");
  }
  ACCEL_CHECK(check_offline(command, query));
  for (const auto& [name, value] : query.options) {
    if (name == kOffline) continue;
    if (lists(command.options, name) || is_harmless(name, value)) continue;
    return fail(Errc::unsupported, "{} does not take the option {}={} here.", command.path,
                name.substr(0, 40), value.substr(0, 40));
  }
  return {};
}

Result<MethodRequest> method_of(const Command& command, const Query& query) {
  const std::string_view path = command.path;
  const std::string first = query.args.empty() ? std::string() : query.args.front();
  if (path == "cat") return cat(query);
  if (path == "get") return MethodRequest{"content.tar", {{"target", first}}};
  if (path == "ls") return MethodRequest{"content.ls", {{"target", first}}};
  if (path == "id") return MethodRequest{"node.id"};
  if (path == "pin/add") return pin(query, "pin.add");
  if (path == "pin/rm") return pin(query, "pin.rm");
  if (path == "pin/ls") return pin_ls(query);
  if (path == "pin/update") {
    ACCEL_TRY(const bool unpin, flag_of(query, "unpin", true));
    return MethodRequest{"pin.update", {{"from", first}, {"to", query.args[1]}, {"unpin", unpin}}};
  }
  if (path == "block/get") return MethodRequest{"block.get", {{"target", first}}};
  if (path == "block/stat") return MethodRequest{"block.stat", {{"target", first}}};
  if (path == "dag/get") {
    const std::string codec = text_of(query, "output-codec", "dag-json");
    return MethodRequest{"dag.get", {{"target", first}, {"output_codec", codec}}};
  }
  if (path == "dag/export") return MethodRequest{"dag.export", {{"targets", json::array({first})}}};
  if (path == "dag/stat") return MethodRequest{"dag.stat", {{"targets", query.args}}};
  if (path == "dag/resolve") return MethodRequest{"dag.get", {{"target", first}}};
  if (path == "swarm/peers") return MethodRequest{"swarm.peers"};
  if (path == "swarm/connect") return MethodRequest{"swarm.connect", {{"address", first}}};
  if (path == "swarm/disconnect") return MethodRequest{"swarm.disconnect", {{"peer", first}}};
  if (path == "key/list") return MethodRequest{"key.list"};
  if (path == "key/gen") return key_gen(query);
  if (path == "key/rename") return key_rename(query);
  if (path == "key/rm") return MethodRequest{"key.rm", {{"names", query.args}}};
  if (path == "name/publish") return name_publish(query);
  if (path == "name/resolve") return name_resolve(query);
  if (path == "repo/gc") return MethodRequest{"store.gc"};
  if (path == "repo/stat") return MethodRequest{"store.stat"};
  return MethodRequest{"node.status"};  // version
}

Result<json> add_params(const Query& query) {
  json params{{"profile", "unixfs-v0-2015"}, {"hidden", true}};
  const auto copy_flag = [&](const char* option, const char* name) -> Status {
    if (!query.options.contains(option)) return {};
    ACCEL_TRY(params[name], flag_of(query, option, false));
    return {};
  };
  ACCEL_CHECK(copy_flag("raw-leaves", "raw_leaves"));
  ACCEL_CHECK(copy_flag("only-hash", "only_hash"));
  ACCEL_CHECK(copy_flag("trickle", "trickle"));
  ACCEL_CHECK(copy_flag("inline", "inline"));
  const std::pair<const char*, const char*> numbers[] = {{"cid-version", "cid_version"},
                                                         {"inline-limit", "inline_limit"}};
  for (const auto& [option, name] : numbers) {
    if (!query.options.contains(option)) continue;
    ACCEL_TRY(params[name], number_of(query, option, 0));
  }
  for (const char* name : {"chunker", "hash"}) {
    if (const auto text = text_of(query, name, {}); !text.empty()) params[name] = text;
  }
  return params;
}

Result<bool> flag_of(const Query& query, std::string_view name, bool fallback) {
  const auto found = query.options.find(name);
  if (found == query.options.end()) return fallback;
  if (found->second == "true" || found->second == "1" || found->second.empty()) return true;
  if (found->second == "false" || found->second == "0") return false;
  return fail(Errc::invalid_argument, "The option {} is true or false, not \"{}\".", name,
              found->second.substr(0, 40));
}

std::string text_of(const Query& query, std::string_view name, std::string_view fallback) {
  const auto found = query.options.find(name);
  return found == query.options.end() ? std::string(fallback) : found->second;
}

Result<std::chrono::milliseconds> duration_of(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  std::chrono::milliseconds sum{0};
  std::string_view rest = text.substr(0, 40);
  while (!rest.empty()) {
    const std::size_t unit = rest.find_first_not_of(kDigits);
    const std::size_t end = unit == rest.npos ? unit : rest.find_first_of(kDigits, unit);
    const auto part = parse_duration(rest.substr(0, end));
    if (!part || *part > std::chrono::hours(1'000'000)) {
      return fail(Errc::invalid_argument, "\"{}\" is no duration; one is written 300s or 1h30m.",
                  text.substr(0, 40));
    }
    sum += *part;
    rest.remove_prefix(std::min(end, rest.size()));
  }
  return sum;
}

std::string error_reply(const Error& error) {
  const bool client = error_status(error) < 500;
  return line_of(
      {{"Message", error.message}, {"Code", client ? kClientError : 0}, {"Type", "error"}});
}

int error_status(const Error& error) {
  if (error.code == Errc::permission_denied) return 403;
  // As Kubo: whatever is not the client's fault is 500.
  const bool client = error.code == Errc::invalid_argument || error.code == Errc::unsupported;
  return client ? 400 : 500;
}

std::string line_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace accel::server::kubo
