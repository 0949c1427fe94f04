// SPDX-License-Identifier: Apache-2.0
// network {analytics, prefetch, topology} and replicate: the peers as a whole.
#include <memory>

#include "accel/core/file.hpp"
#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

std::string speed(const json& value) {
  if (!value.is_number()) return "not measured";
  return human_bytes(static_cast<std::uint64_t>(value.get<double>())) + "/s";
}

std::string number(const json& value, std::string_view unit, double times = 1) {
  if (!value.is_number()) return "not measured";
  return fmt::format("{:.4g}{}", value.get<double>() * times, unit);
}

Status print_links(const json& links) {
  if (links.empty()) return {};
  std::vector<std::vector<std::string>> rows;
  for (const json& link : links) {
    rows.push_back({link.value("peer", ""), link.value("direction", ""),
                    number(link.at("round_trip_ms"), " ms"), speed(link.at("bytes_per_second")),
                    link.at("rate_samples").dump(), human_bytes(link.value("bytes", 0ULL)),
                    number(link.at("failure_share"), " %", 100), link.value("agent", "")});
  }
  return print_table(
      {"PEER", "DIRECTION", "ROUND TRIP", "SPEED", "SAMPLES", "CAME", "FAILED", "AGENT"}, rows);
}

// Of this node and one other there is nothing to average.
std::string peers_line(const json& result) {
  std::string line = fmt::format("peers        {} connected", result.at("peer_count").dump());
  if (result.at("network_density").is_null()) return line;
  return line + fmt::format(", density {} and {} connections a node among the {} nodes known here",
                            number(result.at("network_density"), ""),
                            number(result.at("average_connections"), ""),
                            result.at("known_nodes").dump());
}

Status analytics(Session& session) {
  ACCEL_TRY(const json result, session.call("network.analytics", json::object()));
  if (session.flags().json) return print_json(result);
  ACCEL_CHECK(print_line(fmt::format("health       {} ({})", result.value("health", ""),
                                     result.value("health_rule", ""))));
  for (const json& reason : result.at("health_reasons")) {
    ACCEL_CHECK(print_line("             " + reason.get<std::string>()));
  }
  ACCEL_CHECK(print_line(peers_line(result)));
  ACCEL_CHECK(print_line(fmt::format(
      "transfers    {} done, {} failed, {} in all, {}", result.at("transfers_completed").dump(),
      result.at("transfers_failed").dump(), human_bytes(result.value("bytes_transferred", 0ULL)),
      speed(result.at("average_transfer_speed")))));
  ACCEL_CHECK(print_line(
      fmt::format("efficiency   {}", number(result.at("network_efficiency"), " %", 100))));
  ACCEL_CHECK(print_links(result.at("links")));
  for (const json& item : result.at("recommendations")) {
    ACCEL_CHECK(
        print_line(fmt::format("- {} {}", item.value("advice", ""), item.value("why", ""))));
  }
  return {};
}

Status prefetch(Session& session) {
  ACCEL_TRY(const json result, session.call("network.prefetch", json::object()));
  if (session.flags().json) return print_json(result);
  ACCEL_CHECK(print_line(fmt::format("prefetching is {}, {} of {} used",
                                     result.value("on", false) ? "on" : "off",
                                     human_bytes(result.value("used_bytes", 0ULL)),
                                     human_bytes(result.value("max_bytes", 0ULL)))));
  std::vector<std::vector<std::string>> rows;
  for (const json& row : result.at("wanted")) {
    rows.push_back({row.value("cid", ""), row.at("peers").dump(),
                    fmt::format("{:.0f} s", row.value("seconds_ago", 0.0)),
                    row.value("fetch", false) ? "to be fetched" : "no", row.value("why", "")});
  }
  for (const json& row : result.at("fetched")) {
    rows.push_back({row.value("cid", ""), row.at("peers").dump(), row.value("at", ""), "fetched",
                    human_bytes(row.value("bytes", 0ULL))});
  }
  if (rows.empty()) return print_line("no peer has wanted what is not here");
  return print_table({"CID", "PEERS", "WHEN", "PREFETCH", "WHY"}, rows);
}

struct TopologyFlags {
  std::string svg;
  std::string dot;
};

Status write_picture(const json& result, const char* kind, const std::string& path) {
  if (path.empty()) return {};
  ACCEL_CHECK(write_file_atomic(path, as_bytes(result.at(kind).get_ref<const std::string&>())));
  print_note("wrote " + path);
  return {};
}

void add_topology(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<TopologyFlags>();
  CLI::App* command = add_command(group, "topology", "Show the links of this node",
                                  "  ipfs-accelerate network topology --svg network.svg");
  command->add_option("--svg", flags->svg, "Write them as a picture");
  command->add_option("--dot", flags->dot, "Write them for Graphviz");
  on_chosen(command, selection, [flags](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("network.topology", json::object()));
    ACCEL_CHECK(write_picture(result, "svg", flags->svg));
    ACCEL_CHECK(write_picture(result, "dot", flags->dot));
    if (session.flags().json) return print_json(result);
    std::string text = result.value("text", "");
    while (text.ends_with('\n')) text.pop_back();
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      ACCEL_CHECK(print_line(text.substr(at, end - at)));
      at = end + 1;
    }
    return {};
  });
}

struct ReplicateFlags {
  std::string target;
  std::int64_t copies = 2;
  bool list = false;
  bool forget = false;
};

Status print_replica(const json& row) {
  ACCEL_CHECK(print_line(fmt::format("{}  {} of {} copies, {}", row.value("cid", ""),
                                     row.at("copies").dump(), row.at("copies_wanted").dump(),
                                     human_bytes(row.value("bytes", 0ULL)))));
  for (const json& holder : row.at("holders")) {
    ACCEL_CHECK(print_line("  at " + holder.value("peer", "")));
  }
  return {};
}

Status list_replicas(Session& session) {
  ACCEL_TRY(const json result, session.call("replicate.list", json::object()));
  if (session.flags().json) return print_json(result);
  for (const json& row : result.at("replicas")) ACCEL_CHECK(print_replica(row));
  for (const json& row : result.at("kept_for_others")) {
    std::string askers;
    for (const json& asker : row.at("askers")) {
      askers += (askers.empty() ? "" : ", ") + asker.get<std::string>();
    }
    ACCEL_CHECK(print_line(
        fmt::format("{}  {} for {}", row.value("cid", ""), row.value("state", ""), askers)));
  }
  return {};
}

Status replicate(Session& session, const ReplicateFlags& flags) {
  if (flags.list) return list_replicas(session);
  if (flags.target.empty()) {
    return fail(Errc::invalid_argument, "replicate takes a CID or a name, or --list.");
  }
  if (flags.forget) {
    ACCEL_TRY(const json result, session.call("replicate.remove", {{"target", flags.target}}));
    if (session.flags().json) return print_json(result);
    return print_line(fmt::format("{} of {} holders were told", result.at("told").dump(),
                                  result.at("holders").dump()));
  }
  ACCEL_TRY(const json result,
            session.call("replicate.add", {{"target", flags.target}, {"copies", flags.copies}}));
  if (session.flags().json) return print_json(result);
  ACCEL_CHECK(print_replica(result));
  for (const json& row : result.at("asked")) {
    ACCEL_CHECK(print_line(fmt::format("  {} {}: {}", row.value("peer", ""), row.value("state", ""),
                                       row.value("why", ""))));
  }
  if (!result.value("complete", false)) {
    print_note("not all copies are there yet; the daemon goes on trying");
  }
  return {};
}

}  // namespace

void add_network_commands(CLI::App& app, Selection& selection) {
  CLI::App* group = add_command(app, "network", "What was measured of peers and transfers",
                                "  ipfs-accelerate network analytics --json");
  group->require_subcommand(1);
  CLI::App* command = add_command(*group, "analytics",
                                  "Peers, speeds, efficiency, health, and what to do about them",
                                  "  ipfs-accelerate network analytics");
  on_chosen(command, selection, analytics);
  CLI::App* wanted = add_command(
      *group, "prefetch", "What peers want that is not here, what of it is fetched, and why",
      "  ipfs-accelerate config set prefetch.for any\n  ipfs-accelerate network prefetch");
  on_chosen(wanted, selection, prefetch);
  add_topology(*group, selection);
  auto flags = std::make_shared<ReplicateFlags>();
  CLI::App* copies =
      add_command(app, "replicate", "Keep copies of a root at other nodes, and look after them",
                  "  ipfs-accelerate replicate my-model --copies 3\n"
                  "  ipfs-accelerate replicate --list");
  copies->add_option("TARGET", flags->target, "A CID or a name");
  copies->add_option("--copies", flags->copies, "At how many other nodes (default 2)")
      ->check(CLI::Range(1, 64));
  copies->add_flag("--list", flags->list, "Show what is wanted, and what is kept for others");
  copies->add_flag("--forget", flags->forget, "Want no more copies; the holders are told");
  on_chosen(copies, selection, [flags](Session& session) { return replicate(session, *flags); });
}

}  // namespace accel::cli
