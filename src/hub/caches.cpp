// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/caches.hpp"

#include <algorithm>
#include <map>

#include "accel/core/file.hpp"
#include "accel/hub/ollama.hpp"

namespace accel::hub {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSmallFile = 1U << 20U;  // refs and manifests.
constexpr int kMaxDepth = 16;                     // Of a snapshot's folders, and of manifests.
constexpr std::string_view kModelPrefix = "models--";

// Sorted, so that the same cache gives the same list.
std::vector<fs::path> below(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (found.size() >= kMaxFiles) break;
    found.push_back(it->path());
  }
  std::ranges::sort(found);
  return found;
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// "models--ORG--NAME" -> "ORG/NAME".
std::string id_of(std::string folder) {
  folder.erase(0, kModelPrefix.size());
  const std::size_t at = folder.find("--");
  if (at != folder.npos) folder.replace(at, 2, "/");
  return folder;
}

void add_files(CachedModel& model, const fs::path& folder, const std::string& prefix, int depth) {
  for (const fs::path& path : below(folder)) {
    if (!model.problem.empty()) return;
    const std::string name = prefix + path.filename().string();
    std::error_code error;
    const auto real = fs::canonical(path, error);
    if (error) {
      model.problem = fmt::format("{} leads nowhere: the download is not whole", name);
    } else if (depth >= kMaxDepth || model.files.size() >= kMaxFiles) {
      model.problem = "it has too many files or folders";
    } else if (is_folder(real)) {
      if (fs::is_symlink(path, error)) {
        model.problem = fmt::format("{} is a link to a folder", name);
      } else {
        add_files(model, path, name + "/", depth + 1);
      }
    } else if (fs::is_regular_file(real, error)) {
      model.bytes += fs::file_size(real, error);
      model.files.push_back({name, real});
    } else {
      model.problem = fmt::format("{} is no ordinary file", name);
    }
  }
}

// Refs by the commit that they lead to.
void read_refs(const fs::path& folder, const std::string& prefix,
               std::map<std::string, std::string>& refs) {
  for (const fs::path& path : below(folder)) {
    const std::string name = prefix + path.filename().string();
    if (is_folder(path)) {
      if (prefix.size() < kMaxPathBytes) read_refs(path, name + "/", refs);
      continue;
    }
    const auto text = read_text_file(path, kMaxSmallFile);
    if (!text) continue;
    const std::string commit = text->substr(0, text->find_first_of(" \r\n"));
    if (refs.size() < kMaxFiles) refs.emplace(commit, name);
  }
}

void find_hugging_face(const fs::path& hub, std::vector<CachedModel>& found) {
  for (const fs::path& folder : below(hub)) {
    const std::string name = folder.filename().string();
    if (!name.starts_with(kModelPrefix) || !is_folder(folder / "snapshots")) continue;
    std::map<std::string, std::string> refs;
    read_refs(folder / "refs", {}, refs);
    for (const fs::path& snapshot : below(folder / "snapshots")) {
      if (!is_folder(snapshot) || found.size() >= kMaxCachedModels) continue;
      CachedModel model;
      const std::string id = id_of(name);
      model.source = "hf:" + id;
      model.commit = snapshot.filename().string();
      model.name = id.substr(id.find('/') + 1);
      model.path = snapshot;
      const auto ref = refs.find(model.commit);
      if (ref != refs.end()) model.revision = ref->second;
      add_files(model, snapshot, {}, 0);
      if (model.files.empty() && model.problem.empty()) model.problem = "it has no files";
      found.push_back(std::move(model));
    }
  }
}

CachedModel read_manifest(const fs::path& folder, const fs::path& manifest, const OllamaRef& ref) {
  CachedModel model;
  model.kind = CacheKind::ollama;
  model.path = manifest;
  model.name = ref.name + ":" + ref.tag;
  model.source = "ollama:" + model.name;
  const auto text = read_text_file(manifest, kMaxSmallFile);
  const auto listing = text ? parse_ollama_manifest({}, ref, *text) : fail(text.error());
  if (!listing) {
    model.problem = listing.error().message;
    return model;
  }
  model.source = listing->source;
  model.revision = listing->revision;
  model.commit = listing->commit;
  for (const HubFile& file : listing->files) {
    const fs::path blob = folder / "blobs" / ("sha256-" + file.sha256);
    std::error_code error;
    const auto bytes = fs::file_size(blob, error);
    if (error || bytes != *file.bytes) {
      model.problem = fmt::format("the blob of {} is missing or has another size", file.path);
      return model;
    }
    model.bytes += bytes;
    model.files.push_back({file.path, fs::canonical(blob, error)});
  }
  return model;
}

void find_manifests(const fs::path& folder, const fs::path& at, std::vector<std::string> parts,
                    std::vector<CachedModel>& found) {
  for (const fs::path& path : below(at)) {
    if (found.size() >= kMaxCachedModels || parts.size() >= kMaxDepth) return;
    std::vector<std::string> deeper = parts;
    deeper.push_back(path.filename().string());
    if (is_folder(path)) {
      find_manifests(folder, path, std::move(deeper), found);
    } else if (deeper.size() == 4) {  // HOST/SPACE/NAME/TAG
      const auto ref = parse_ollama_ref(deeper[1] + "/" + deeper[2] + ":" + deeper[3]);
      if (ref) found.push_back(read_manifest(folder, path, *ref));
    }
  }
}

CachedModel find_blocks(const fs::path& repository) {
  CachedModel model;
  model.kind = CacheKind::kubo;
  model.source = "kubo:" + repository.string();
  model.name = "kubo-blocks";
  model.path = repository / "blocks";
  for (const fs::path& shard : below(model.path)) {
    std::error_code error;
    for (fs::directory_iterator it(shard, error); !error && it != fs::directory_iterator();
         it.increment(error)) {
      if (it->path().extension() != ".data") continue;
      std::error_code ignored;
      model.bytes += it->file_size(ignored);
    }
  }
  return model;
}

}  // namespace

std::string_view cache_kind_name(CacheKind kind) {
  switch (kind) {
    case CacheKind::hugging_face:
      return "huggingface";
    case CacheKind::ollama:
      return "ollama";
    case CacheKind::kubo:
      return "kubo";
  }
  return "unknown";
}

Result<std::vector<CachedModel>> find_cached(const fs::path& folder) {
  if (!is_folder(folder)) {
    return fail(Errc::not_found, "There is no folder {}.", folder.string());
  }
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  std::vector<CachedModel> found;
  for (const fs::path& at : {real, real / "hub", real / "models"}) {
    if (is_folder(at / "manifests") && is_folder(at / "blobs")) {
      find_manifests(at, at / "manifests", {}, found);
      return found;
    }
    if (is_folder(at / "blocks") && fs::exists(at / "datastore_spec", error)) {
      found.push_back(find_blocks(at));
      return found;
    }
    const auto names = below(at);
    const bool is_hub = std::ranges::any_of(names, [](const fs::path& path) {
      return path.filename().string().starts_with(kModelPrefix);
    });
    if (is_hub) {
      find_hugging_face(at, found);
      return found;
    }
  }
  return fail(Errc::unsupported,
              "{} is neither a Hugging Face cache (models--…), nor Ollama's folder (manifests and "
              "blobs), nor a Kubo repository (blocks and datastore_spec).",
              folder.string());
}

}  // namespace accel::hub
