// SPDX-License-Identifier: Apache-2.0
// content.adopt: models and blocks that other programs keep on this disk become content here, by
// reference: nothing is copied, and the files stay theirs.
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/hub/caches.hpp"
#include "content/provenance.hpp"
#include "context.hpp"
#include "names/names.hpp"

namespace accel::node {
namespace {

using hub::CachedModel;
using hub::CacheKind;
using nlohmann::json;

// A folder of links to the files of a model, for Ollama's blobs have no names of their own. It goes
// with this object; what is added through it refers to the blobs themselves.
class LinkFolder {
 public:
  static Result<LinkFolder> make(const Home& home, const CachedModel& model) {
    LinkFolder folder(home.downloads() / ("adopt-" + random_hex(system_random(), 8)));
    ACCEL_CHECK(make_directories(folder.path_));
    for (const hub::CachedFile& file : model.files) {
      std::error_code error;
      std::filesystem::create_symlink(file.source, folder.path_ / file.path, error);
      if (error) {
        return fail(Error{errc_from_errno(error.value()),
                          fmt::format("Cannot link to {}.", file.source.string()),
                          error.message()});
      }
    }
    return folder;
  }
  LinkFolder(LinkFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  LinkFolder(const LinkFolder&) = delete;
  ~LinkFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit LinkFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

Result<blockstore::AddedRoot> add(Context& context, blockstore::Store& store,
                                  const CachedModel& model) {
  blockstore::AddOptions options;
  options.reference = true;
  options.dereference = true;
  options.hidden = true;
  options.name = model.name;
  options.stop = context.stop;
  options.on_progress = [&](const blockstore::AddProgress& step) {
    context.progress({{"phase", "hash"},
                      {"bytes_done", step.bytes_done},
                      {"bytes_total", step.bytes_total},
                      {"message", model.source}});
  };
  switch (model.kind) {
    case CacheKind::hugging_face:
      return store.add(model.path, options);
    case CacheKind::ollama: {
      ACCEL_TRY(const LinkFolder folder, LinkFolder::make(context.services.home(), model));
      return store.add(folder.path(), options);
    }
    case CacheKind::kubo:
      // Each of its files is one block, and the raw leaf of a file of one leaf has the same
      // multihash: that is how the store finds a block of any codec.
      options.profile.chunk_size = ipld::kMaxChunkBytes;
      return store.add(model.path, options);
  }
  return fail(Errc::internal, "A kind of cache is not known.");
}

json row_of(const CachedModel& model) {
  json row{{"kind", hub::cache_kind_name(model.kind)},
           {"source", model.source},
           {"revision", model.revision},
           {"commit", model.commit},
           {"path", model.path.string()},
           {"files", model.files.size()},
           {"bytes", model.bytes}};
  if (!model.problem.empty()) row["problem"] = model.problem;
  return row;
}

Status adopt(Context& context, blockstore::Store& store, const CachedModel& model, json& row) {
  const auto added = add(context, store, model);
  if (!added && added.error().code == Errc::cancelled) return fail(added.error());
  if (!added) {  // The others may be sound.
    row["problem"] = added.error().message;
    return {};
  }
  row["cid"] = added->cid.to_string();
  row["files"] = added->files;
  row["bytes"] = added->bytes;
  ACCEL_TRY(const std::string name, give_free_name(store, model.name, model.commit, added->cid));
  row["name"] = name;
  const json provenance{{"source", model.source},
                        {"revision", model.revision},
                        {"commit", model.commit},
                        {"adopted_from", model.path.string()}};
  const std::string origin =
      fmt::format("{}@{} in {}", model.source, model.commit, model.path.string());
  return record_provenance(context, store, added->cid, origin, provenance);
}

}  // namespace

Result<json> content_adopt(Context& context) {
  const std::vector<std::string> paths = context.params.texts("paths");
  const bool dry_run = context.params.flag("dry_run");
  ACCEL_CHECK(context.params.finish());
  if (paths.empty()) return fail(Errc::invalid_argument, "adopt: name a folder.");
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  json rows = json::array();
  std::uint64_t adopted = 0;
  for (const std::string& path : paths) {
    ACCEL_TRY(const std::vector<CachedModel> found, hub::find_cached(path));
    for (const CachedModel& model : found) {
      json row = row_of(model);
      if (model.problem.empty() && !dry_run) ACCEL_CHECK(adopt(context, *store, model, row));
      adopted += row.contains("cid") ? 1 : 0;
      rows.push_back(std::move(row));
    }
  }
  return json{{"found", std::move(rows)}, {"adopted", adopted}, {"dry_run", dry_run}};
}

}  // namespace accel::node
