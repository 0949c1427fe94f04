// SPDX-License-Identifier: Apache-2.0
// bitswap stat: what went to and came from peers.
#include "command.hpp"

namespace accel::cli {
namespace {

using nlohmann::json;

std::string bytes_of(const json& row, const char* name) {
  return human_bytes(row.value(name, std::uint64_t{0}));
}
std::string count_of(const json& row, const char* name) {
  return std::to_string(row.value(name, std::uint64_t{0}));
}

std::vector<std::string> row_of(const std::string& name, const json& row) {
  return {name,
          bytes_of(row, "bytes_sent"),
          count_of(row, "blocks_sent"),
          bytes_of(row, "bytes_received"),
          count_of(row, "blocks_received"),
          bytes_of(row, "bytes_duplicate"),
          count_of(row, "wantlist"),
          count_of(row, "owed")};
}

Status stat(Session& session) {
  ACCEL_TRY(const json result, session.call("bitswap.stat", json::object()));
  if (session.flags().json) return print_json(result);
  std::vector<std::vector<std::string>> rows;
  for (const json& peer : result.at("peers")) {
    rows.push_back(row_of(peer.at("peer").get<std::string>(), peer));
  }
  rows.push_back(row_of("all", result));
  ACCEL_CHECK(print_table(
      {"PEER", "SENT", "BLOCKS", "RECEIVED", "BLOCKS", "TWICE", "ITS WANTS", "OUR WANTS"}, rows));
  for (const json& address : result.at("addresses")) {
    ACCEL_CHECK(print_line("listens " + address.get<std::string>()));
  }
  return {};
}

}  // namespace

void add_bitswap_commands(CLI::App& app, Selection& selection) {
  CLI::App* group =
      add_command(app, "bitswap", "Blocks to and from peers", "  ipfs-accelerate bitswap stat");
  group->require_subcommand(1);
  CLI::App* command =
      add_command(*group, "stat", "Say what went to and came from each peer, and what waits",
                  "  ipfs-accelerate bitswap stat\n  ipfs-accelerate bitswap stat --json");
  on_chosen(command, selection, stat);
}

}  // namespace accel::cli
