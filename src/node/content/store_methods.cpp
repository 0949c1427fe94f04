// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/blockstore/replica_pin.hpp"
#include "accel/core/file.hpp"
#include "context.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

json json_of(const blockstore::PinInfo& pin) {
  return {{"cid", pin.cid.to_string()},     {"name", pin.name},
          {"private", pin.is_private},      {"bytes", pin.bytes},
          {"added", to_rfc3339(pin.added)}, {"type", pin.direct ? "direct" : "recursive"}};
}

// What the files below a folder take; links and what vanishes meanwhile are nothing.
std::uint64_t bytes_below(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::uint64_t bytes = 0;
  std::error_code ec;
  for (fs::recursive_directory_iterator at(folder, ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code gone;
    if (!at->is_regular_file(gone) || at->is_symlink(gone)) continue;
    const std::uint64_t size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// What gc would free; null when it cannot be told (another gc runs, a pin is not whole).
json freeable(const Context& context, blockstore::Store& store) {
  blockstore::GcOptions options;
  options.dry_run = true;
  options.stop = context.stop;
  const auto report = store.gc(options);
  if (!report) return nullptr;
  return {{"blocks", report->blocks_freed},
          {"files", report->files_freed},
          {"bytes", report->bytes_freed}};
}

// The names of a root that is let go of stand for the other one from now on: gc would leave them
// without anything.
Result<json> move_names(blockstore::Store& store, const ipld::Cid& from, const ipld::Cid& to) {
  ACCEL_TRY(const auto names, store.kv_list(kNameSpace));
  json moved = json::array();
  for (const auto& [name, cid] : names) {
    if (cid != from.to_string()) continue;
    ACCEL_CHECK(store.kv_put(kNameSpace, name, to.to_string()));
    moved.push_back(name);
  }
  return moved;
}

}  // namespace

Result<json> pin_add(Context& context) {
  const std::string text = context.params.required_text("target");
  blockstore::PinOptions options;
  options.name = context.params.text("name", {});
  const bool says_private = context.params.given("private");
  options.is_private = context.params.flag("private");
  options.direct = !context.params.flag("recursive", true);
  ACCEL_CHECK(context.params.finish());
  if (options.name == blockstore::kReplicaPinName) {
    return fail(Errc::invalid_argument,
                "The name '{}' stands for replicas, which end with their lease; give another one.",
                options.name);
  }
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_TRY(const auto old, store->pin_of(target.cid));
  // What is not said stays as it was: the label, and that a root is private.
  if (old) {
    const bool for_others = old->name == blockstore::kReplicaPinName;
    if (options.name.empty() && !for_others) options.name = old->name;
    if (!says_private) options.is_private = old->is_private;
  }
  ACCEL_CHECK(store->pin(target.cid, options));
  return json{{"cid", target.cid.to_string()}, {"pinned", true}};
}

// A name keeps nothing by itself: unpinning takes it along, so that no name leads nowhere.
Result<json> pin_rm(Context& context) {
  const std::string text = context.params.required_text("target");
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target target, resolve_target(*store, text));
  ACCEL_CHECK(store->unpin(target.cid));
  ACCEL_TRY(const auto names, store->kv_list(kNameSpace));
  json dropped = json::array();
  for (const auto& [name, cid] : names) {
    if (cid != target.cid.to_string()) continue;
    ACCEL_CHECK(store->kv_erase(kNameSpace, name));
    dropped.push_back(name);
  }
  return json{
      {"cid", target.cid.to_string()}, {"pinned", false}, {"names_dropped", std::move(dropped)}};
}

Result<json> pin_ls(Context& context) {
  const std::string type = context.params.text("type", "all");
  const std::string name = context.params.text("name", {});
  ACCEL_CHECK(context.params.finish());
  if (type != "all" && type != "direct" && type != "recursive") {
    return fail(Errc::invalid_argument, "pin.ls: \"type\" must be all, direct or recursive.");
  }
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const auto pins, store->pins());
  json list = json::array();
  for (const blockstore::PinInfo& pin : pins) {
    const bool wanted = type == "all" || pin.direct == (type == "direct");
    if (wanted && (name.empty() || pin.name == name)) list.push_back(json_of(pin));
  }
  return json{{"pins", std::move(list)}};
}

Result<json> pin_update(Context& context) {
  const std::string from = context.params.required_text("from");
  const std::string to = context.params.required_text("to");
  const bool unpin = context.params.flag("unpin", true);
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const Target old, resolve_target(*store, from));
  ACCEL_TRY(const Target next, resolve_target(*store, to));
  ACCEL_CHECK(store->update_pin(old.cid, next.cid, !unpin));
  json moved = json::array();
  if (unpin) {
    ACCEL_TRY(moved, move_names(*store, old.cid, next.cid));
  }
  return json{{"from", old.cid.to_string()},
              {"to", next.cid.to_string()},
              {"unpinned", unpin},
              {"names_moved", std::move(moved)}};
}

Result<json> pin_verify(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const auto checks, store->check_pins(context.stop));
  json list = json::array();
  std::size_t broken = 0;
  for (const blockstore::PinCheck& check : checks) {
    json row = json_of(check.pin);
    row["ok"] = check.error.empty();
    row["blocks"] = check.blocks;
    if (!check.error.empty()) row["error"] = check.error;
    broken += check.error.empty() ? 0U : 1U;
    list.push_back(std::move(row));
  }
  return json{{"pins", std::move(list)}, {"broken", broken}};
}

// Downloads of hubs that no pull is at; their locks tell. Returns how many there were.
std::uint64_t remove_downloads(const std::filesystem::path& downloads, bool dry_run) {
  std::uint64_t removed = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(downloads, ignored)) {
    if (!entry.is_directory(ignored)) continue;
    const std::filesystem::path lock_path = entry.path().string() + ".lock";
    const auto lock = FileLock::acquire(lock_path, FileLock::Mode::exclusive, /*wait=*/false);
    if (!lock) continue;
    ++removed;
    if (dry_run) continue;
    std::filesystem::remove_all(entry.path(), ignored);
    std::filesystem::remove(lock_path, ignored);
  }
  return removed;
}

Result<json> store_gc(Context& context) {
  blockstore::GcOptions options;
  options.dry_run = context.params.flag("dry_run");
  options.abandoned_partials = context.params.flag("unfinished");
  options.free_bytes =
      static_cast<std::uint64_t>(context.params.integer_in("free_bytes", 0, 0, INT64_MAX));
  ACCEL_CHECK(context.params.finish());
  options.stop = context.stop;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const blockstore::GcReport report, store->gc(options));
  std::uint64_t unfinished = report.partials_freed;
  if (options.abandoned_partials) {
    unfinished += remove_downloads(context.services.home().downloads(), options.dry_run);
  }
  return json{{"dry_run", options.dry_run},
              {"blocks_freed", report.blocks_freed},
              {"bytes_freed", report.bytes_freed},
              {"files_freed", report.files_freed},
              {"packs_freed", report.packs_freed},
              {"blocks_moved", report.blocks_moved},
              {"orphans_freed", report.orphans_freed},
              {"unfinished_freed", unfinished},
              {"blocks_kept", report.kept}};
}

Result<json> store_du(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const blockstore::UsageReport usage, store->usage());
  json files = json::array();
  for (const blockstore::FileUsage& file : usage.files) {
    files.push_back(
        {{"cid", file.root.to_string()}, {"bytes", file.bytes}, {"referenced", file.referenced}});
  }
  json packs = json::array();
  for (const blockstore::PackUsage& pack : usage.packs) {
    packs.push_back({{"id", pack.id}, {"bytes", pack.bytes}, {"live_bytes", pack.live_bytes}});
  }
  const auto part = [](const char* what, std::uint64_t bytes) {
    return json{{"what", what}, {"bytes", bytes}};
  };
  const std::uint64_t downloads = bytes_below(context.services.home().downloads());
  json roots = json::array();
  for (const blockstore::PinInfo& root : usage.roots) roots.push_back(json_of(root));
  return json{
      {"parts",
       {part("whole files", usage.files_bytes), part("packs of small blocks", usage.packs_bytes),
        part("unfinished fetches", usage.partial_bytes), part("unfinished downloads", downloads),
        part("temporary", usage.temporary_bytes), part("index", usage.index_bytes),
        part("referenced, elsewhere on disk", usage.referenced_bytes)}},
      {"total_bytes", usage.total_bytes() + downloads},
      {"blocks", usage.blocks},
      {"files", std::move(files)},
      {"packs", std::move(packs)},
      {"freeable", freeable(context, *store)},
      {"roots", std::move(roots)}};
}

Result<json> store_stat(Context& context) {
  ACCEL_CHECK(context.params.finish());
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const blockstore::UsageReport usage, store->usage());
  const blockstore::CacheReport cache = store->cache_report();
  const auto ratio = usage.unique_bytes == 0 ? 1.0
                                             : static_cast<double>(usage.pinned_bytes) /
                                                   static_cast<double>(usage.unique_bytes);
  return json{{"blocks", usage.blocks},
              {"unique_bytes", usage.unique_bytes},
              {"pinned_bytes", usage.pinned_bytes},
              {"dedup_ratio", ratio},
              {"disk_bytes", usage.total_bytes()},
              {"max_bytes", context.services.config().get<std::int64_t>("store.max_bytes")},
              {"files", usage.files.size()},
              {"packs", usage.packs.size()},
              {"pins", usage.roots.size()},
              {"cache",
               {{"bytes", cache.bytes},
                {"limit_bytes", cache.limit_bytes},
                {"hits", cache.hits},
                {"misses", cache.misses}}}};
}

}  // namespace accel::node
