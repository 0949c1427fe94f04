// SPDX-License-Identifier: Apache-2.0
#include "accel/models/manifest.hpp"

#include <algorithm>
#include <numeric>

#include "layouts.hpp"
#include "model_files.hpp"

namespace accel::models {

std::uint64_t Variant::bytes() const {
  return std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const ModelFile& file) { return sum + file.bytes; });
}

std::string Variant::content_key() const {
  std::vector<std::string> lines;
  const std::string_view folder = folder_of(entry);
  for (const ModelFile& file : files) {
    const bool below = file.path.starts_with(folder);
    lines.push_back(fmt::format("{} {}\n", file.cid, file.path.substr(below ? folder.size() : 0)));
  }
  // One file's hash does not depend on its name, several files' do.
  if (files.size() == 1) return files.front().cid.to_string();
  std::sort(lines.begin(), lines.end());
  return std::accumulate(lines.begin(), lines.end(), std::string());
}

const ModelFile* ModelManifest::find(std::string_view path) const { return find_file(files, path); }

Result<ModelManifest> read_manifest(const std::vector<ModelFile>& listing, const Fetcher& fetcher) {
  if (listing.size() > kMaxModelFiles) {
    return fail(Errc::resource_exhausted, "The model has {} files; {} are read at most.",
                listing.size(), kMaxModelFiles);
  }
  ModelManifest manifest;
  manifest.files = listing;
  for (const ModelFile& file : listing) ACCEL_CHECK(check_model_path(file.path));
  std::sort(manifest.files.begin(), manifest.files.end(),
            [](const ModelFile& a, const ModelFile& b) { return a.path < b.path; });
  const bool described = manifest.find("model.json") != nullptr;
  ACCEL_CHECK(described ? read_model_json(manifest, fetcher)
                        : read_hugging_face(manifest, fetcher));
  std::stable_sort(manifest.variants.begin(), manifest.variants.end(),
                   [](const Variant& a, const Variant& b) {
                     return precision_rank(a.precision) < precision_rank(b.precision);
                   });
  return manifest;
}

}  // namespace accel::models
