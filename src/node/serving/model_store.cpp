// SPDX-License-Identifier: Apache-2.0
#include "serving/model_store.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "accel/core/trace.hpp"
#include "content/pulling.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

constexpr std::string_view kWeightsSpace = "weights";
constexpr int kMaxModelDepth = 8;

Status list_below(const blockstore::Store& store, const ipld::Cid& directory,
                  const std::string& prefix, int depth, std::vector<models::ModelFile>& files) {
  if (depth > kMaxModelDepth) {
    return fail(Errc::unsupported, "The model's folders nest deeper than {}.", kMaxModelDepth);
  }
  ACCEL_TRY(const std::vector<blockstore::DirEntry> entries, store.list(directory));
  for (const blockstore::DirEntry& entry : entries) {
    const std::string path = prefix + entry.name;
    if (entry.kind == ipld::NodeKind::directory || entry.kind == ipld::NodeKind::hamt) {
      ACCEL_CHECK(list_below(store, entry.cid, path + "/", depth + 1, files));
    } else if (files.size() < models::kMaxModelFiles) {
      files.push_back({path, entry.cid, entry.bytes});
    } else {
      return fail(Errc::resource_exhausted, "The model has more than {} files.",
                  models::kMaxModelFiles);
    }
  }
  return {};
}

models::Fetcher fetcher_of(blockstore::Store& store, const std::vector<models::ModelFile>& files) {
  auto by_path = std::make_shared<const std::map<std::string, ipld::Cid, std::less<>>>([&] {
    std::map<std::string, ipld::Cid, std::less<>> map;
    for (const models::ModelFile& file : files) map.emplace(file.path, file.cid);
    return map;
  }());
  return [&store, by_path](std::string_view path) -> Result<std::filesystem::path> {
    const auto found = by_path->find(path);
    if (found == by_path->end()) return fail(Errc::not_found, "The model has no file {}.", path);
    return store.ensure_file(found->second);
  };
}

}  // namespace

Result<StoredModel> open_model(blockstore::Store& store, const std::string& name_or_cid) {
  ACCEL_TRY(const Target target, resolve_target(store, name_or_cid));
  StoredModel model;
  model.name = target.name;
  model.root = target.cid;
  ACCEL_TRY(model.lease, store.lease(target.root));
  std::vector<models::ModelFile> files;
  if (const Status listed = list_below(store, target.cid, {}, 0, files); !listed) {
    if (listed.error().code != Errc::not_found) return fail(listed.error());
    return fail(Error{Errc::not_found,
                      fmt::format("The model {} is not here whole. Name a source of it: "
                                  "ipfs-accelerate pull {} --from URL.",
                                  name_or_cid, target.cid),
                      listed.error().message});
  }
  if (model.name.empty()) {
    ACCEL_TRY(model.name, name_of(store, target.root));
  }
  model.fetcher = fetcher_of(store, files);
  ACCEL_TRY(model.manifest, models::read_manifest(files, model.fetcher));
  return model;
}

Result<StoredModel> open_or_pull_model(Context& context, blockstore::Store& store,
                                       const std::string& name_or_cid) {
  auto found = open_model(store, name_or_cid);
  if (found || found.error().code != Errc::not_found) return found;
  const auto target = resolve_target(store, name_or_cid);
  if (!target) return found;
  if (!security::may(context.caller.role, security::Role::operate)) {
    Error error = std::move(found).error();
    error.message += " A key of the role operator can pull it.";
    return fail(std::move(error));
  }
  if (!context.services.config().get<bool>("models.pull_absent")) {
    Error error = std::move(found).error();
    error.message += " It is not pulled by itself, for models.pull_absent is false.";
    return fail(std::move(error));
  }
  const auto pin = store.pin_of(target->root);
  const bool was_pinned = !pin || pin->has_value();
  trace::Span span = trace::Span::start("pull a model");
  if (span) span.set("accel.model.cid", target->root.to_string());
  if (const auto pulled = pull_from_anywhere(context, store, target->root); !pulled) {
    span.fail(pulled.error());
    if (pulled.error().code != Errc::not_found) return fail(Error(pulled.error()));
    return fail(Error{Errc::not_found, found.error().message, pulled.error().to_string()});
  }
  auto opened = open_model(store, name_or_cid);
  if (!opened && !was_pinned) (void)store.unpin(target->root);  // It is no model: gc may have it.
  return opened;
}

Result<std::string> weights_hash(blockstore::Store& store, const models::Variant& variant,
                                 const models::Fetcher& fetcher, std::stop_token stop) {
  const std::string key = variant.content_key();
  ACCEL_TRY(const std::optional<std::string> known, store.kv_get(kWeightsSpace, key));
  if (known) return *known;
  ACCEL_TRY(std::string hash, models::weights_sha256(variant, fetcher, stop));
  (void)store.kv_put(kWeightsSpace, key, hash);  // A read-only home computes it each time.
  return hash;
}

}  // namespace accel::node
