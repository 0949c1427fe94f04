// SPDX-License-Identifier: Apache-2.0
// id, swarm, ping: this node among its peers.
#include <memory>

#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

void add_id(CLI::App& app, Selection& selection) {
  CLI::App* command = add_command(app, "id", "Say who this node is to its peers, and where it is",
                                  "  ipfs-accelerate id --json");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("node.id", json::object()));
    if (session.flags().json) return print_json(result);
    ACCEL_CHECK(print_line(result.value("id", "")));
    for (const json& address : result.at("addresses")) {
      ACCEL_CHECK(print_line(address.get<std::string>()));
    }
    return {};
  });
}

void add_connect(CLI::App& group, Selection& selection) {
  auto address = std::make_shared<std::string>();
  CLI::App* command =
      add_command(group, "connect", "Connect the daemon to a peer",
                  "  ipfs-accelerate swarm connect /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…");
  command->add_option("ADDRESS", *address, "Or a peer's id, which the DHT finds")->required();
  on_chosen(command, selection, [address](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("swarm.connect", {{"address", *address}}));
    if (session.flags().json) return print_json(result);
    return print_line("connected to " + result.value("peer", ""));
  });
}

void add_disconnect(CLI::App& group, Selection& selection) {
  auto peer = std::make_shared<std::string>();
  CLI::App* command = add_command(group, "disconnect", "Let go of a peer",
                                  "  ipfs-accelerate swarm disconnect 12D3Koo…");
  command->add_option("PEER", *peer, "A peer id, or an address that ends in one")->required();
  on_chosen(command, selection, [peer](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("swarm.disconnect", {{"peer", *peer}}));
    if (session.flags().json) return print_json(result);
    return print_line("disconnected from " + result.value("peer", ""));
  });
}

void add_peers(CLI::App& group, Selection& selection) {
  CLI::App* command = add_command(group, "peers", "List the connections to peers",
                                  "  ipfs-accelerate swarm peers --json");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("swarm.peers", json::object()));
    if (session.flags().json) return print_json(result);
    std::vector<std::vector<std::string>> rows;
    for (const json& peer : result.at("peers")) {
      rows.push_back(
          {peer.value("peer", ""), peer.value("address", ""), peer.value("direction", ""),
           peer.value("security", ""), fmt::format("{:.1f} ms", peer.value("round_trip_ms", 0.0)),
           human_bytes(peer.value("bytes_in", std::uint64_t{0})),
           human_bytes(peer.value("bytes_out", std::uint64_t{0})), peer.value("agent", "")});
    }
    return print_table(
        {"PEER", "ADDRESS", "DIRECTION", "SECURITY", "ROUND TRIP", "IN", "OUT", "AGENT"}, rows);
  });
}

struct PerfFlags {
  std::string peer;
  std::uint64_t upload = std::uint64_t{64} << 20U;
  std::uint64_t download = std::uint64_t{64} << 20U;
};

void add_perf(CLI::App& group, Selection& selection) {
  auto flags = std::make_shared<PerfFlags>();
  CLI::App* command =
      add_command(group, "perf", "Measure how fast bytes go to a peer and back (/perf/1.0.0)",
                  "  ipfs-accelerate swarm perf /ip4/10.0.0.7/tcp/4001/p2p/12D3Koo…\n"
                  "  ipfs-accelerate swarm perf 12D3Koo… --download 1GiB --upload 0");
  command->add_option("PEER", flags->peer, "A connected peer's id, or an address")->required();
  command->add_option("--upload", flags->upload, "Bytes to send")
      ->transform(CLI::AsSizeValue(false));
  command->add_option("--download", flags->download, "Bytes to ask for")
      ->transform(CLI::AsSizeValue(false));
  on_chosen(command, selection, [flags](Session& session) -> Status {
    const json params = {{"peer", flags->peer},
                         {"upload_bytes", flags->upload},
                         {"download_bytes", flags->download}};
    ACCEL_TRY(const json result, session.call("swarm.perf", params));
    if (session.flags().json) return print_json(result);
    for (const std::string way : {"upload", "download"}) {
      if (result.at(way + "_mb_per_s").is_null()) continue;
      ACCEL_CHECK(print_line(
          fmt::format("{:8} {:10} in {:.3f} s, {:.1f} MB/s", way,
                      human_bytes(result.value(way + "ed_bytes", std::uint64_t{0})),
                      result.value(way + "_seconds", 0.0), result.value(way + "_mb_per_s", 0.0))));
    }
    return {};
  });
}

void add_make_key(CLI::App& group, Selection& selection) {
  CLI::App* command =
      add_command(group, "make-key", "Print a new key for a private swarm (swarm.psk)",
                  "  (umask 077; ipfs-accelerate swarm make-key > swarm.key)");
  on_chosen(command, selection, [](Session& session) -> Status {
    ACCEL_TRY(const json result, session.call("swarm.make_key", json::object()));
    if (session.flags().json) return print_json(result);
    std::string text = result.value("key", "");
    if (text.ends_with('\n')) text.pop_back();
    return print_line(text);
  });
}

struct PingFlags {
  std::string peer;
  std::int64_t count = 3;
};

void add_ping(CLI::App& app, Selection& selection) {
  auto flags = std::make_shared<PingFlags>();
  CLI::App* command =
      add_command(app, "ping", "Measure the way to a peer and back",
                  "  ipfs-accelerate ping 12D3Koo…\n"
                  "  ipfs-accelerate ping -n 10 /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…");
  command->add_option("PEER", flags->peer, "A connected peer's id, or an address")->required();
  command->add_option("-n,--count", flags->count, "How often")->check(CLI::Range(1, 1000));
  on_chosen(command, selection, [flags](Session& session) -> Status {
    ACCEL_TRY(const json result,
              session.call("swarm.ping", {{"peer", flags->peer}, {"count", flags->count}}));
    if (session.flags().json) return print_json(result);
    for (const json& took : result.at("times_ms")) {
      ACCEL_CHECK(print_line(fmt::format("{:.3f} ms", took.get<double>())));
    }
    return print_line(fmt::format("{}: {:.3f} ms at least", result.value("peer", ""),
                                  result.value("least_ms", 0.0)));
  });
}

}  // namespace

void add_swarm_commands(CLI::App& app, Selection& selection) {
  add_id(app, selection);
  CLI::App* group = add_command(app, "swarm", "The peers that this node is connected to",
                                "  ipfs-accelerate swarm peers");
  group->require_subcommand(1);
  add_connect(*group, selection);
  add_disconnect(*group, selection);
  add_make_key(*group, selection);
  add_peers(*group, selection);
  add_perf(*group, selection);
  add_ping(app, selection);
}

}  // namespace accel::cli
