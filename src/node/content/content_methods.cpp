// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <limits>

#include "accel/gateway/tar_stream.hpp"
#include "content/add_params.hpp"
#include "content/byte_progress.hpp"
#include "content/hub_pull.hpp"
#include "content/pulling.hpp"
#include "context.hpp"
#include "names/names.hpp"
#include "names/resolution.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

Status write_output(const Context& context, const blockstore::Store& store, const ipld::Cid& cid,
                    const std::string& path, bool force) {
  ByteProgress progress(context, "write");
  blockstore::ExportOptions options;
  options.overwrite = force;
  options.stop = context.stop;
  options.on_progress = [&](std::uint64_t done) { progress.report(done, 0, {}); };
  return store.export_to(cid, path, options);
}

struct PullTarget {
  std::string name;
  ipld::Cid root;
};

// The target with the CID of a name that is known here; else as it is.
std::string with_known_name(const blockstore::Store& store, const std::string& text) {
  if (ipld::Cid::parse(text)) return text;
  const auto known = store.kv_get(kNameSpace, text);
  return known && *known ? fmt::format("{}@{}", text, **known) : text;
}

constexpr std::size_t kShortestCid = 40;  // What is shorter was not meant to be one.

Error no_pull_target(std::string_view text, const Error& why) {
  const std::string shown(text.substr(0, kMaxNameBytes));
  return {Errc::invalid_argument,
          fmt::format("pull takes a CID, NAME@CID to give it a name, a name that is known here, "
                      "hf:ORG/NAME, ollama:NAME or s3:BUCKET/PREFIX; \"{}\" is no CID, and nothing "
                      "here is named so. A gateway's address goes into --from.",
                      shown),
          text.size() < kShortestCid ? std::string() : why.message};
}

// "CID" or "NAME@CID".
Result<PullTarget> parse_pull_target(const std::string& text, std::string name) {
  const std::size_t at = text.find('@');
  if (at != std::string::npos && name.empty()) name = text.substr(0, at);
  std::string_view cid_text(text);
  if (at != std::string::npos) cid_text.remove_prefix(at + 1);
  cid_text = without_ipfs_prefix(cid_text);
  while (cid_text.ends_with('/')) cid_text.remove_suffix(1);
  auto parsed = ipld::Cid::parse(cid_text);
  if (!parsed) return fail(no_pull_target(cid_text, parsed.error()));
  ipld::Cid root = std::move(*parsed);
  if (!name.empty()) ACCEL_CHECK(check_name(name));
  return PullTarget{std::move(name), std::move(root)};
}

// "/ipns/NAME/path", with "NAME@" in front.
std::optional<NameQuery> name_query(const std::string& text) {
  const std::size_t at = text.find('@');
  const auto below = ipns_text(at == std::string::npos ? text : text.substr(at + 1));
  return below ? std::optional(NameQuery{*below}) : std::nullopt;
}

// What a path below a root leads to, after the nodes on the way were fetched.
Result<ipld::Cid> fetch_way(Context& context, blockstore::Store& store, const NameAnswer& answer,
                            const exchange::PullOptions& options) {
  FileTarget target{answer.root, {}};
  for (const std::string& part : answer.path) {
    target.path += (target.path.empty() ? "" : "/") + part;
  }
  const auto fetched = fetch_part(context, store, target, options, {});
  auto found = store.resolve(answer.root, target.path);
  if (!found && !fetched) return fail(Error(fetched.error()));
  return found;
}

// A name that is taken by another root is refused before anything is fetched.
Status check_name_is_free(const blockstore::Store& store, const PullTarget& target) {
  if (target.name.empty()) return {};
  ACCEL_TRY(const std::optional<std::string> taken, store.kv_get(kNameSpace, target.name));
  if (!taken || *taken == target.root.to_string()) return {};
  return fail(Errc::already_exists,
              "The name \"{}\" stands for {}, so it can't stand for {}. Nothing was fetched.",
              target.name, *taken, target.root);
}

// A name that is taken may be given again to the same content: whether it is, is found out before
// anything is stored and pinned.
Status check_name_fits(Context& context, blockstore::Store& store, const std::string& path,
                       const blockstore::AddOptions& options) {
  if (ipld::Cid::parse(options.name)) {
    return fail(Errc::invalid_argument, "\"{}\" is a CID; a name must not be one.", options.name);
  }
  ACCEL_TRY(const std::optional<std::string> taken, store.kv_get(kNameSpace, options.name));
  if (!taken) return {};
  ByteProgress progress(context, "hash");
  blockstore::AddOptions hashing = options;
  hashing.only_hash = true;
  hashing.on_progress = [&](const blockstore::AddProgress& step) {
    progress.report(step.bytes_done, step.bytes_total, step.path.filename().string());
  };
  ACCEL_TRY(const blockstore::AddedRoot hashed, store.add(path, hashing));
  if (*taken == hashed.cid.to_string()) return {};
  return fail(Errc::already_exists,
              "The name \"{}\" stands for {}, so it can't stand for {}. Nothing was added; choose "
              "another name.",
              options.name, *taken, hashed.cid);
}

}  // namespace

Result<json> content_add(Context& context) {
  const std::string path = context.params.required_text("path");
  const std::string name = context.params.text("name", {});
  auto read = read_add_options(context.params);
  ACCEL_CHECK(context.params.finish());
  if (!read) return fail(std::move(read).error());
  blockstore::AddOptions options = *std::move(read);
  ACCEL_CHECK(ipld::check_profile(options.profile));
  if (!name.empty()) ACCEL_CHECK(check_name(name));
  ByteProgress progress(context, options.only_hash ? "hash" : "add");
  options.name = name;
  options.stop = context.stop;
  options.on_progress = [&](const blockstore::AddProgress& step) {
    progress.report(step.bytes_done, step.bytes_total, step.path.filename().string());
  };
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  if (!name.empty() && !options.only_hash) {
    ACCEL_CHECK(check_name_fits(context, *store, path, options));
  }
  ACCEL_TRY(const blockstore::AddedRoot added, store->add(path, options));
  if (!name.empty() && !options.only_hash) ACCEL_CHECK(give_name(*store, name, added.cid));
  return json{{"cid", added.cid.to_string()},
              {"bytes", added.bytes},
              {"files", added.files},
              {"links_out", added.links_out},
              {"profile", options.profile.name},
              {"only_hash", options.only_hash},
              {"name", name}};
}

Result<json> content_get(Context& context) {
  const std::string text = context.params.required_text("target");
  const std::string output = context.params.required_text("output");
  const bool force = context.params.flag("force");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(const blockstore::Lease lease, store->lease(target.root));
  ACCEL_CHECK(write_output(context, *store, target.cid, output, force));
  json result{{"cid", target.cid.to_string()}, {"path", output}};
  if (const auto size = store->file_size(target.cid)) result["bytes"] = *size;  // Of a file.
  return result;
}

// With sources named, what is not here is fetched: no more than is read, and read while it comes.
Result<json> content_cat(Context& context) {
  const std::string text = context.params.required_text("target");
  const std::int64_t offset = context.params.integer("offset", 0);
  const std::int64_t length = context.params.integer("length", -1);
  const bool may_fetch =
      !context.params.texts("sources").empty() || !context.params.texts("file_sources").empty() ||
      !context.params.texts("routers").empty() || !context.params.texts("peers").empty();
  ACCEL_TRY(exchange::PullOptions options, pull_options(context));
  ACCEL_CHECK(context.params.finish());
  if (offset < 0) return fail(Errc::invalid_argument, "cat: the offset must not be negative.");
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  std::uint64_t sent = 0;
  const auto sink = [&](ByteView piece) -> Status {
    if (context.stop.stop_requested()) return fail(Errc::cancelled, "cat was cancelled.");
    sent += piece.size();
    if (context.on_event) context.on_event(Event{nullptr, piece});
    return {};
  };
  const auto first = static_cast<std::uint64_t>(offset);
  const auto wanted =
      length < 0 ? std::numeric_limits<std::uint64_t>::max() : static_cast<std::uint64_t>(length);
  if (may_fetch) {
    ACCEL_TRY(const FileTarget target, file_target(*store, text));
    ACCEL_CHECK(find_sources(context, target.root, options));
    OffloadPool reader(1, 1, "cat");  // The client may read slowly.
    exchange::PullSelection selection;
    selection.ranges = {{first, wanted}};
    selection.pool = &reader;
    selection.on_bytes = [&](std::uint64_t, ByteView piece) { return sink(piece); };
    options.on_progress = {};  // It would come between the bytes.
    ACCEL_CHECK(fetch_part(context, *store, target, options, std::move(selection)));
    return json{{"cid", target.root.to_string()}, {"bytes", sent}};
  }
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(const blockstore::Lease lease, store->lease(target.root));
  ACCEL_CHECK(store->read(target.cid, first, wanted, sink));
  return json{{"cid", target.cid.to_string()}, {"bytes", sent}};
}

// As a stream of bytes; its root has the last name of the target.
Result<json> content_tar(Context& context) {
  std::string text = context.params.required_text("target");
  ACCEL_CHECK(context.params.finish());
  while (text.ends_with('/')) text.pop_back();
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(const blockstore::Lease lease, store->lease(target.root));
  std::uint64_t sent = 0;
  const auto sink = [&](ByteView piece) -> Status {
    if (context.stop.stop_requested()) return fail(Errc::cancelled, "The archive was cancelled.");
    sent += piece.size();
    if (context.on_event) context.on_event(Event{nullptr, piece});
    return {};
  };
  ACCEL_CHECK(gateway::write_tar(*store, target.cid, text.substr(text.rfind('/') + 1), sink));
  return json{{"cid", target.cid.to_string()}, {"bytes", sent}};
}

Result<json> content_ls(Context& context) {
  const std::string text = context.params.required_text("target");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(const std::vector<blockstore::DirEntry> entries, store->list(target.cid));
  json list = json::array();
  for (const blockstore::DirEntry& entry : entries) {
    list.push_back({{"name", entry.name},
                    {"cid", entry.cid.to_string()},
                    {"bytes", entry.bytes},
                    {"kind", ipld::node_kind_name(entry.kind)},
                    {"present", entry.present}});
  }
  return json{{"cid", target.cid.to_string()}, {"entries", std::move(list)}};
}

Result<json> content_pull(Context& context) {
  const std::string text = context.params.required_text("target");
  ACCEL_TRY(exchange::PullOptions options, pull_options(context));
  const std::string name = context.params.text("name", {});
  const std::string output = context.params.text("output", {});
  const bool force = context.params.flag("force");
  HubRequest hub{text, name, context.params.texts("include"), context.params.texts("exclude"),
                 options.limits.max_bytes_per_second};
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  if (is_hub_target(text)) {
    ACCEL_TRY(json result, pull_from_hub(context, *store, std::move(hub)));
    if (!output.empty()) {
      ACCEL_TRY(const ipld::Cid root, ipld::Cid::parse(result.at("cid").get<std::string>()));
      ACCEL_CHECK(write_output(context, *store, root, output, force));
      result["path"] = output;
    }
    return result;
  }
  std::optional<NameAnswer> answer;
  std::string cid_text = text;
  if (auto query = name_query(text)) {
    query->routers = context.params.texts("routers");
    ACCEL_TRY(answer, resolve_name(context, *query));
    const std::size_t at = text.find('@');
    cid_text = text.substr(0, at == std::string::npos ? 0 : at + 1) + answer->root.to_string();
  }
  cid_text = with_known_name(*store, cid_text);
  ACCEL_TRY(PullTarget target, parse_pull_target(cid_text, name));
  const Status asked = find_sources(context, target.root, options);
  if (answer && !answer->path.empty()) {
    ACCEL_TRY(target.root, fetch_way(context, *store, *answer, options));
  }
  ACCEL_CHECK(check_name_is_free(*store, target));
  options.name = target.name;
  auto pulled = pull_root(context, *store, target.root, std::move(options));
  // Without a source the pull still ends well when all of it is here.
  if (!pulled && !asked) return fail(Error(asked.error()));
  ACCEL_TRY(const exchange::PullReport report, std::move(pulled));
  json result = json_of(report);
  if (answer) {
    result["resolved"] = answer->text();
    result["signers"] = answer->signers;
  }
  if (!target.name.empty()) {
    ACCEL_CHECK(give_name(*store, target.name, target.root));
    result["name"] = target.name;
  }
  if (!output.empty()) {
    ACCEL_CHECK(write_output(context, *store, target.root, output, force));
    result["path"] = output;
  }
  return result;
}

}  // namespace accel::node
