// SPDX-License-Identifier: Apache-2.0
// routing, name: who has what, records of IPNS names, and where names lead.
#include <algorithm>
#include <memory>
#include <optional>

#include "accel/core/config.hpp"
#include "accel/core/file.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/ipld/multibase.hpp"
#include "command.hpp"
#include "signers.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

struct PutFlags {
  std::string key, file;
};

void add_routing_put(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PutFlags>();
  CLI::App* command =
      add_command(group, "put", "Keep a signed record of an IPNS name, after checking it",
                  "  ipfs-accelerate routing put /ipns/k51… site.ipns-record");
  command->add_option("KEY", flags->key, "/ipns/NAME")->required();
  command->add_option("FILE", flags->file, "The record, as a gateway serves it")->required();
  on_chosen(command, selection, [flags](Session& session) -> Status {
    ACCEL_TRY(const Bytes record, read_file(flags->file, ipld::kMaxIpnsRecordBytes));
    const std::string text = ipld::multibase_encode(ipld::Multibase::base64url, record);
    ACCEL_TRY(const json result,
              session.call("routing.put", {{"key", flags->key}, {"record", text}}));
    if (session.flags().json) return print_json(result);
    return print_line(fmt::format("/ipns/{} -> {} until {}", result.value("name", ""),
                                  result.value("value", ""), result.value("valid_until", "")));
  });
}

void add_routing_get(CLI::App& group, Selection& selection) {
  auto key = std::make_shared<std::string>();
  CLI::App* command = add_command(group, "get", "Show the record that is kept of an IPNS name",
                                  "  ipfs-accelerate routing get /ipns/k51…");
  command->add_option("KEY", *key, "/ipns/NAME")->required();
  on_chosen(command, selection, [key](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("routing.get", {{"key", *key}}));
    if (session.flags().json) return print_json(result);
    return print_line(fmt::format("{} sequence {} until {}", result.value("value", ""),
                                  result.value("sequence", std::uint64_t{0}),
                                  result.value("valid_until", "")));
  });
}

struct FindFlags {
  std::string cid;
  std::vector<std::string> routers;
  std::int64_t count = 20;
};

Status print_providers(const json& result) {
  std::vector<std::vector<std::string>> rows;
  const auto joined = [](const json& list) {
    std::string text;
    for (const json& item : list) text += (text.empty() ? "" : " ") + item.get<std::string>();
    return text;
  };
  for (const json& found : result.at("providers")) {
    rows.push_back({found.at("id"), joined(found.at("protocols")), joined(found.at("addresses"))});
  }
  for (const json& trouble : result.at("troubles")) {
    print_note(fmt::format("{}: {}", trouble.value("router", ""), trouble.value("error", "")));
  }
  return print_table({"PEER", "PROTOCOLS", "ADDRESSES"}, rows);
}

void add_routing_findprovs(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<FindFlags>();
  CLI::App* command =
      add_command(group, "findprovs", "Ask delegated routers and the DHT who provides a CID",
                  "  ipfs-accelerate routing findprovs bafy… --router http://127.0.0.1:8080");
  command->add_option("-n,--num-providers", flags->count, "Providers that the DHT is asked for");
  command->add_option("CID", flags->cid)->required();
  command->add_option("--router", flags->routers,
                      "A router's URL; may be given several times (default: routing.delegated)");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    json params{{"cid", flags->cid}, {"count", flags->count}};
    if (!flags->routers.empty()) params["routers"] = flags->routers;
    ACCEL_TRY(const json result, session.call("routing.findprovs", params));
    return session.flags().json ? print_json(result) : print_providers(result);
  });
}

struct PublishFlags {
  std::string target, key, lifetime, ttl;
  std::vector<std::string> routers;
  std::optional<std::uint64_t> sequence;
  bool offline = false;
};

void add_publish_options(CLI::App& command, PublishFlags& flags) {
  command.add_option("--key,-k", flags.key, "The key that signs (see `key list`)");
  command.add_option("--lifetime,-t", flags.lifetime, "How long the record holds: 48h, 7d");
  command.add_option("--ttl", flags.ttl, "How long others may remember it: 5m");
  command.add_option("--sequence", flags.sequence, "A number above all that were published");
  command.add_option("--router", flags.routers,
                     "A router that keeps it (default: routing.publishers)");
  command.add_flag("--offline", flags.offline, "Only kept here, where the gateway serves it");
}

// Of a question: a place that has no record has answered.
void print_failed_places(const json& places, bool is_question) {
  for (const json& place : places) {
    const bool absent = place.value("code", "") == errc_name(Errc::not_found);
    if (place.value("ok", false) || (is_question && absent)) continue;
    print_note(fmt::format("{}: {}", place.value("place", ""), place.value("error", "")));
  }
}

std::string kept_here_note(bool as_asked) {
  const std::string kept = "kept only here, where this home's gateway serves it";
  if (as_asked) return kept;
  return kept +
         ": no router is known (--router, routing.publishers) and no daemon with a DHT runs; "
         "others don't find the name";
}

// Whoever publishes wants others to find it: a record that nobody took is a failure.
Status check_taken(const json& places) {
  const auto took = [](const json& place) { return place.value("ok", false); };
  if (places.empty() || std::ranges::any_of(places, took)) return {};
  return fail(Errc::unavailable,
              "None of {} places took the record. It is kept here; publish again when one answers.",
              places.size());
}

Status add_seconds(const std::string& text, const char* name, json& params) {
  if (text.empty()) return {};
  const auto duration = parse_duration(text);
  if (!duration) {
    return fail(Errc::invalid_argument, "\"{}\" is no duration; one is written 5m, 48h or 7d.",
                text.substr(0, 40));
  }
  params[name] = std::chrono::duration_cast<std::chrono::seconds>(*duration).count();
  return {};
}

Status publish(Session& session, const char* method, const char* target,
               const PublishFlags& flags) {
  json params{{target, flags.target}, {"offline", flags.offline}};
  if (!flags.key.empty()) params["key"] = flags.key;
  ACCEL_CHECK(add_seconds(flags.lifetime, "lifetime_seconds", params));
  ACCEL_CHECK(add_seconds(flags.ttl, "ttl_seconds", params));
  if (flags.sequence) params["sequence"] = *flags.sequence;
  if (!flags.routers.empty()) params["routers"] = flags.routers;
  ACCEL_TRY(const json result, session.call(method, params));
  if (session.flags().json) {
    ACCEL_CHECK(print_json(result));
    return check_taken(result.at("places"));
  }
  print_failed_places(result.at("places"), false);
  if (result.at("places").empty()) print_note(kept_here_note(flags.offline));
  print_note(fmt::format("signed by {} (key \"{}\"), sequence {}, until {}",
                         result.value("signer", ""), result.value("key", ""),
                         result.value("sequence", std::uint64_t{0}),
                         result.value("valid_until", "")));
  ACCEL_CHECK(print_line(
      fmt::format("/ipns/{} -> {}", result.value("name", ""), result.value("value", ""))));
  return check_taken(result.at("places"));
}

struct ResolveFlags {
  std::string name;
  std::vector<std::string> routers;
  bool offline = false, no_cache = false;
};

void add_routing_findpeer(CLI::App& group, Selection& selection) {
  auto peer = std::make_shared<std::string>();
  CLI::App* command = add_command(group, "findpeer", "Ask the DHT where a peer is",
                                  "  ipfs-accelerate routing findpeer 12D3Koo…");
  command->add_option("PEER", *peer)->required();
  on_chosen(command, selection, [peer](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("routing.findpeer", {{"peer", *peer}}));
    if (session.flags().json) return print_json(result);
    for (const json& address : result.at("addresses")) {
      ACCEL_CHECK(print_line(address.get<std::string>()));
    }
    return {};
  });
}

void add_routing_provide(CLI::App& group, Selection& selection) {
  auto cid = std::make_shared<std::string>();
  CLI::App* command =
      add_command(group, "provide", "Tell the DHT now that this node has a root",
                  "  ipfs-accelerate routing provide bafy…\n"
                  "A daemon tells it of all pinned roots that are not private by itself.");
  command->add_option("CID", *cid, "A CID or a name")->required();
  on_chosen(command, selection, [cid](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("routing.provide", {{"cid", *cid}}));
    if (session.flags().json) return print_json(result);
    return print_line(fmt::format("{} of {} closest peers were told",
                                  result.value("stored", std::uint64_t{0}),
                                  result.value("closest", std::uint64_t{0})));
  });
}

void add_routing_dht(CLI::App& group, Selection& selection) {
  CLI::App* command = add_command(group, "dht", "Show what this node knows of the DHT",
                                  "  ipfs-accelerate routing dht --json");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("routing.dht", json::object()));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& network : result.at("networks")) {
      rows.push_back({network.at("network"), network.at("peers").dump(),
                      network.at("provider_records").dump(), network.at("values").dump()});
    }
    return print_table({"NETWORK", "PEERS", "PROVIDER RECORDS", "VALUES"}, rows);
  });
}

void add_name_resolve(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<ResolveFlags>();
  CLI::App* command = add_command(
      group, "resolve", "Say where an IPNS name or a domain leads",
      "  ipfs-accelerate name resolve k51…\n  ipfs-accelerate name resolve example.org");
  command->add_option("NAME", flags->name)->required();
  command->add_option("--router", flags->routers, "A router to ask (default: routing.delegated)");
  command->add_flag("--offline", flags->offline, "Only by what is kept here");
  command->add_flag("--nocache", flags->no_cache, "Ask again before the record's TTL has passed");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    json params{{"name", flags->name}, {"offline", flags->offline}, {"no_cache", flags->no_cache}};
    if (!flags->routers.empty()) params["routers"] = flags->routers;
    ACCEL_TRY(const json result, session.call("name.resolve", params));
    if (session.flags().json) return print_json(result);
    print_failed_places(result.at("places"), true);
    print_signers(result);
    return print_line(result.value("path", ""));
  });
}

void add_name_publish(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PublishFlags>();
  CLI::App* command =
      add_command(group, "publish", "Say under a key's name what it leads to",
                  "  ipfs-accelerate name publish bafy…\n"
                  "  ipfs-accelerate name publish minilm --key models --lifetime 7d --ttl 1h");
  command->add_option("PATH", flags->target, "A CID, /ipfs/CID/path, /ipns/NAME or a local name")
      ->required();
  add_publish_options(*command, *flags);
  on_chosen(command, selection,
            [flags](Session& session) { return publish(session, "name.publish", "path", *flags); });
}

void add_name_list(CLI::App& group, Selection& selection) {
  CLI::App* command = add_command(group, "list", "List what is said under the own names",
                                  "  ipfs-accelerate name list");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("name.published", json::object()));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& row : result.at("names")) {
      rows.push_back({row.value("key", ""), row.value("name", ""), row.value("value", ""),
                      std::to_string(row.value("sequence", std::uint64_t{0})),
                      row.value("valid_until", "")});
    }
    return print_table({"KEY", "NAME", "VALUE", "SEQUENCE", "VALID UNTIL"}, rows);
  });
}

void add_publish(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<PublishFlags>();
  CLI::App* command = add_command(
      app, "publish", "Publish a model under an IPNS name of its own",
      "  ipfs-accelerate publish minilm\n  ipfs-accelerate pull /ipns/k51…      (elsewhere)");
  command->add_option("MODEL", flags->target, "A model's name here")->required();
  add_publish_options(*command, *flags);
  on_chosen(command, selection, [flags](Session& session) {
    return publish(session, "models.publish", "model", *flags);
  });
}

}  // namespace

void add_name_commands(CLI::App& app, Selection& selection) {
  CLI::App* routing = add_command(app, "routing", "Who provides a CID; records of IPNS names",
                                  "  ipfs-accelerate routing put /ipns/k51… site.ipns-record");
  routing->require_subcommand(1);
  add_routing_put(*routing, selection);
  add_routing_get(*routing, selection);
  add_routing_findprovs(*routing, selection);
  add_routing_findpeer(*routing, selection);
  add_routing_provide(*routing, selection);
  add_routing_dht(*routing, selection);
  CLI::App* name = add_command(app, "name", "Names whose content may change",
                               "  ipfs-accelerate name resolve k51…");
  name->require_subcommand(1);
  add_name_resolve(*name, selection);
  add_name_publish(*name, selection);
  add_name_list(*name, selection);
  add_publish(app, selection);
}

}  // namespace accel::cli
