// SPDX-License-Identifier: Apache-2.0
#include "protocols/kubo_replies.hpp"

#include <algorithm>

#include "accel/node/build_info.hpp"

namespace accel::server::kubo {
namespace {

using nlohmann::json;

constexpr int kFileType = 2;  // UnixFS: 1 folder, 2 file, 4 link.

json link_of(const json& cid) { return {{"/", cid}}; }

int type_of(const std::string& kind) {
  if (kind == "directory" || kind == "sharded directory") return 1;
  return kind == "symlink" ? 4 : kFileType;
}

std::string ls_reply(const Query& query, const json& result) {
  json links = json::array();
  for (const json& entry : result.at("entries")) {
    const int type = type_of(entry.value("kind", ""));
    links.push_back({{"Name", entry.at("name")},
                     {"Hash", entry.at("cid")},
                     {"Size", type == 1 ? json(0) : entry.at("bytes")},
                     {"Type", type},
                     {"Target", ""}});
  }
  json objects = json::array({{{"Hash", query.args.front()}, {"Links", std::move(links)}}});
  return line_of({{"Objects", std::move(objects)}});
}

Result<std::string> pins_reply(const Query& query, const json& result) {
  const std::string wanted = query.args.empty() ? std::string() : query.args.front();
  const bool stream = text_of(query, "stream", "false") == "true";
  std::string lines;
  json keys = json::object();
  for (const json& pin : result.at("pins")) {
    const std::string cid = pin.at("cid").get<std::string>();
    if (!wanted.empty() && wanted != cid && wanted != "/ipfs/" + cid) continue;
    const json row{{"Type", pin.value("type", "recursive")}, {"Name", pin.value("name", "")}};
    if (stream) {
      json line = row;
      line["Cid"] = cid;
      lines += line_of(line);
    } else {
      keys[cid] = row;
    }
  }
  if (keys.empty() && lines.empty() && !wanted.empty()) {
    return fail(Errc::not_found, "path '{}' is not pinned", wanted.substr(0, 100));
  }
  return stream ? lines : line_of({{"Keys", std::move(keys)}});
}

json peers_reply(const json& result) {
  json peers = json::array();
  for (const json& peer : result.at("peers")) {
    const bool inbound = peer.value("direction", "") == "inbound";
    peers.push_back({{"Addr", peer.at("address")},
                     {"Peer", peer.at("peer")},
                     {"Direction", inbound ? 1 : 2},  // As go-libp2p counts them.
                     {"Latency", fmt::format("{:.3f}ms", peer.value("round_trip_ms", 0.0))},
                     {"Muxer", "/yamux/1.0.0"},
                     {"Streams", nullptr}});
  }
  return {{"Peers", std::move(peers)}};
}

json keys_reply(const json& result) {
  json keys = json::array();
  for (const json& key : result.at("keys")) {
    keys.push_back({{"Name", key.at("name")}, {"Id", key.at("id")}});
  }
  return {{"Keys", std::move(keys)}};
}

json stat_reply(const json& result) {
  json dags = json::array();
  for (const json& dag : result.at("dags")) {
    dags.push_back(
        {{"Cid", dag.at("cid")}, {"Size", dag.at("bytes")}, {"NumBlocks", dag.at("blocks")}});
  }
  return {{"UniqueBlocks", result.at("unique_blocks")},
          {"TotalSize", result.at("total_bytes")},
          {"SharedSize", result.at("shared_bytes")},
          {"Ratio", result.at("ratio")},
          {"DagStats", std::move(dags)}};
}

json resolve_reply(const json& result) {
  std::string rest;
  for (const json& part : result.at("remainder")) {
    rest += (rest.empty() ? "" : "/") + part.get<std::string>();
  }
  return {{"Cid", link_of(result.at("cid"))}, {"RemPath", rest}};
}

json version_reply() {
  return {{"Version", node::kVersion},
          {"Commit", ""},
          {"Repo", "ipfs-accelerate"},
          {"System", node::kSystem},
          {"Golang", ""}};
}

json id_reply(const json& result) {
  return {{"ID", result.at("id")},
          {"PublicKey", result.value("public_key", "")},
          {"Addresses", result.at("addresses")},
          {"AgentVersion", result.at("agent")},
          {"Protocols", result.value("protocols", json::array())}};
}

json repo_reply(const json& result) {
  return {{"RepoSize", result.at("disk_bytes")},
          {"StorageMax", result.at("max_bytes")},
          {"NumObjects", result.at("blocks")},
          {"RepoPath", ""},
          {"Version", "ipfs-accelerate"}};
}

json swarm_reply(const char* verb, const json& result) {
  const std::string peer = result.at("peer").get<std::string>();
  return {{"Strings", json::array({fmt::format("{} {} success", verb, peer)})}};
}

json other_reply(std::string_view path, const json& result) {
  if (path == "version") return version_reply();
  if (path == "id") return id_reply(result);
  if (path == "pin/update") {
    return {{"Pins", json::array({result.at("from"), result.at("to")})}};
  }
  if (path == "block/stat") return {{"Key", result.at("cid")}, {"Size", result.at("bytes")}};
  if (path == "dag/stat") return stat_reply(result);
  if (path == "dag/resolve") return resolve_reply(result);
  if (path == "swarm/peers") return peers_reply(result);
  if (path == "swarm/connect") return swarm_reply("connect", result);
  if (path == "swarm/disconnect") return swarm_reply("disconnect", result);
  if (path == "key/gen") return {{"Name", result.at("name")}, {"Id", result.at("id")}};
  if (path == "key/rename") {
    return {{"Was", result.at("was")},
            {"Now", result.at("name")},
            {"Id", result.at("id")},
            {"Overwrite", result.at("replaced")}};
  }
  if (path == "key/list" || path == "key/rm") return keys_reply(result);
  if (path == "name/publish") return {{"Name", result.at("name")}, {"Value", result.at("value")}};
  return repo_reply(result);
}

}  // namespace

Result<std::string> reply_of(const Command& command, const Query& query, const json& result) {
  const std::string_view path = command.path;
  if (path == "ls") return ls_reply(query, result);
  if (path == "pin/ls") return pins_reply(query, result);
  if (path == "pin/add" || path == "pin/rm") {
    return line_of({{"Pins", json::array({result.at("cid")})}});
  }
  if (path == "name/resolve") return line_of({{"Path", result.at("path")}});
  if (path == "repo/gc")
    return std::string();  // A line for each block that went: they are not listed here.
  return line_of(other_reply(path, result));
}

std::string add_lines(const std::vector<AddedEntry>& entries, bool progress) {
  std::string lines;
  for (const AddedEntry& entry : entries) {
    if (progress && !entry.is_directory)
      lines += line_of({{"Name", entry.name}, {"Bytes", entry.file_bytes}});
    lines += line_of(
        {{"Name", entry.name}, {"Hash", entry.cid}, {"Size", std::to_string(entry.dag_bytes)}});
  }
  return lines;
}

std::string import_lines(const json& result) {
  std::string lines;
  for (const json& root : result.at("roots")) {
    json row{{"Cid", link_of(root.at("cid"))}, {"PinErrorMsg", root.value("error", "")}};
    lines += line_of({{"Root", std::move(row)}});
  }
  return lines;
}

}  // namespace accel::server::kubo
