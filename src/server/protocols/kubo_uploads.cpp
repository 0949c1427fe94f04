// SPDX-License-Identifier: Apache-2.0
#include "protocols/kubo_uploads.hpp"

#include <algorithm>
#include <set>

#include "protocols/kubo_replies.hpp"

namespace accel::server::kubo {
namespace {

using nlohmann::json;

std::string first_part(const std::string& path) { return path.substr(0, path.find('/')); }

// One `add`: what is added, and what is told of it.
class Addition {
 public:
  Addition(const Query& query, const Upload& upload, const NodeCall& call)
      : query_(query), upload_(upload), call_(call) {}

  Result<std::string> run() {
    ACCEL_TRY(params_, add_params(query_));
    ACCEL_TRY(const bool wrap, wanted("wrap-with-directory", "w", false));
    ACCEL_TRY(const bool pin, wanted("pin", "pin", true));
    ACCEL_TRY(const bool progress, wanted("progress", "progress", false));
    only_hash_ = params_.value("only_hash", false);
    std::set<std::string> tops;
    if (!pin) ACCEL_CHECK(note_pins());
    if (wrap) {
      ACCEL_CHECK(add_top({}));
    } else {
      for (const Upload::Entry& entry : upload_.entries()) {
        const std::string top = first_part(entry.path);
        if (tops.insert(top).second) ACCEL_CHECK(add_top(top));
      }
    }
    if (!pin) ACCEL_CHECK(unpin());
    return tell(wrap, progress);
  }

 private:
  Result<bool> wanted(std::string_view name, std::string_view letter, bool fallback) const {
    return flag_of(query_, query_.options.contains(letter) ? letter : name, fallback);
  }

  Status note_pins() {
    ACCEL_TRY(const json result, call_("pin.ls", json::object()));
    for (const json& pin : result.at("pins")) pinned_.insert(pin.at("cid").get<std::string>());
    return {};
  }

  // `top` empty: everything, as one folder.
  Status add_top(const std::string& top) {
    json params = params_;
    params["path"] = (top.empty() ? upload_.folder() : upload_.folder() / top).string();
    ACCEL_TRY(const json added, call_("content.add", params));
    const std::string cid = added.at("cid").get<std::string>();
    cids_[top] = cid;
    bytes_[top] = added.at("bytes").get<std::uint64_t>();
    if (only_hash_) return {};
    roots_.push_back(cid);
    const std::string label = text_of(query_, "pin-name", top.empty() ? "added" : "");
    if (!label.empty()) {
      const auto named = call_("pin.add", {{"target", cid}, {"name", label}});
      if (!named) return fail(named.error());
    }
    return list(top, cid);
  }

  // The CIDs of all that lies below a folder that was uploaded.
  Status list(const std::string& path, const std::string& cid) {
    const auto& entries = upload_.entries();
    const bool is_folder = path.empty() || std::ranges::any_of(entries, [&](const auto& entry) {
                             return entry.is_directory && entry.path == path;
                           });
    if (!is_folder) return {};
    ACCEL_TRY(const json result, call_("content.ls", {{"target", cid}}));
    for (const json& entry : result.at("entries")) {
      const std::string name = entry.at("name").get<std::string>();
      const std::string below = path.empty() ? name : path + "/" + name;
      cids_[below] = entry.at("cid").get<std::string>();
      ACCEL_CHECK(list(below, cids_[below]));
    }
    return {};
  }

  Status unpin() {
    for (const std::string& root : roots_) {
      if (pinned_.contains(root)) continue;
      const auto removed = call_("pin.rm", {{"target", root}});
      if (!removed) return fail(removed.error());
    }
    return {};
  }

  Result<AddedEntry> entry_of(const std::string& path, std::uint64_t bytes, bool is_directory) {
    AddedEntry entry{path, {}, bytes, bytes, is_directory};
    const auto known = cids_.find(path);
    if (known != cids_.end()) {
      entry.cid = known->second;
    } else {  // Only hashed: nothing is listed.
      json params = params_;
      params["path"] = (upload_.folder() / path).string();
      ACCEL_TRY(const json added, call_("content.add", params));
      entry.cid = added.at("cid").get<std::string>();
    }
    if (only_hash_) return entry;
    ACCEL_TRY(const json stat, call_("dag.stat", {{"targets", json::array({entry.cid})}}));
    entry.dag_bytes = stat.at("dags").at(0).at("bytes").get<std::uint64_t>();
    return entry;
  }

  // Files as they came, then folders from the deepest on, then the one around all, as Kubo does.
  Result<std::string> tell(bool wrap, bool progress) {
    std::vector<AddedEntry> told;
    std::vector<std::string> folders;
    for (const Upload::Entry& entry : upload_.entries()) {
      if (entry.is_directory) {
        folders.push_back(entry.path);
        continue;
      }
      ACCEL_TRY(AddedEntry added, entry_of(entry.path, entry.bytes, false));
      if (!entry.named && !wrap) added.name = added.cid;
      told.push_back(std::move(added));
    }
    const auto depth = [](const std::string& path) { return -std::ranges::count(path, '/'); };
    std::ranges::stable_sort(folders, {}, depth);
    for (const std::string& folder : folders) {
      ACCEL_TRY(told.emplace_back(), entry_of(folder, 0, true));
    }
    if (wrap) {
      ACCEL_TRY(told.emplace_back(), entry_of({}, bytes_[{}], true));
    }
    return add_lines(told, progress);
  }

  const Query& query_;
  const Upload& upload_;
  const NodeCall& call_;
  json params_;
  bool only_hash_ = false;
  std::set<std::string> pinned_;
  std::vector<std::string> roots_;
  std::map<std::string, std::string> cids_;
  std::map<std::string, std::uint64_t> bytes_;
};

Result<std::string> only_file(const Upload& upload) {
  const auto& entries = upload.entries();
  if (entries.size() != 1 || entries.front().is_directory) {
    return fail(Errc::invalid_argument, "This command takes one file; {} came.", entries.size());
  }
  return (upload.folder() / entries.front().path).string();
}

Result<std::string> codec_of(std::string name) {
  if (name == "protobuf") return std::string("dag-pb");
  if (name == "cbor") return std::string("dag-cbor");
  if (name == "v0") return fail(Errc::unsupported, "Blocks are put with CIDv1 here: cid-codec.");
  return name;
}

Result<json> put_params(const Query& query, const Upload& upload) {
  ACCEL_TRY(const std::string path, only_file(upload));
  ACCEL_TRY(const bool pin, flag_of(query, "pin", false));
  return json{{"path", path}, {"pin", pin}};
}

Result<std::string> put_block(const Query& query, const Upload& upload, const NodeCall& call) {
  if (const auto length = text_of(query, "mhlen", "-1"); length != "-1") {
    return fail(Errc::unsupported, "Hashes are not cut here: mhlen={}.", length.substr(0, 20));
  }
  ACCEL_TRY(json params, put_params(query, upload));
  const std::string codec = text_of(query, "cid-codec", text_of(query, "format", "raw"));
  ACCEL_TRY(params["codec"], codec_of(codec));
  params["hash"] = text_of(query, "mhtype", "sha2-256");
  ACCEL_TRY(const json result, call("block.put", params));
  return line_of({{"Key", result.at("cid")}, {"Size", result.at("bytes")}});
}

Result<std::string> put_node(const Query& query, const Upload& upload, const NodeCall& call) {
  ACCEL_TRY(json params, put_params(query, upload));
  params["input_codec"] = text_of(query, "input-codec", "dag-json");
  params["store_codec"] = text_of(query, "store-codec", "dag-cbor");
  params["hash"] = text_of(query, "hash", "sha2-256");
  ACCEL_TRY(const json result, call("dag.put", params));
  return line_of({{"Cid", {{"/", result.at("cid")}}}});
}

Result<std::string> import_archives(const Query& query, const Upload& upload,
                                    const NodeCall& call) {
  ACCEL_TRY(const bool pin, flag_of(query, "pin-roots", true));
  json files = json::array();
  for (const Upload::Entry& entry : upload.entries()) {
    if (!entry.is_directory) files.push_back((upload.folder() / entry.path).string());
  }
  ACCEL_TRY(const json result, call("dag.import", {{"files", files}, {"pin_roots", pin}}));
  return import_lines(result);
}

}  // namespace

Result<std::string> take_upload(const Command& command, const Query& query, Upload& upload,
                                const NodeCall& call) {
  ACCEL_CHECK(upload.finish());
  if (upload.entries().empty()) {
    return fail(Errc::invalid_argument, "No file came with {}.", command.path);
  }
  if (command.path == "add") return Addition(query, upload, call).run();
  if (command.path == "block/put") return put_block(query, upload, call);
  if (command.path == "dag/put") return put_node(query, upload, call);
  return import_archives(query, upload, call);
}

}  // namespace accel::server::kubo
