// SPDX-License-Identifier: Apache-2.0
// A directory with a model.json, which lists the variants. It is checked against the listing: what
// it says of a file that is not so makes it corrupt.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "layouts.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

constexpr std::string_view kWhat = "model.json";
constexpr std::uint64_t kVersion = 1;
constexpr std::size_t kMaxVariants = 256;
constexpr std::size_t kMaxGraphs = 16;
constexpr std::size_t kMaxGraphName = 64;
constexpr std::size_t kSha256Digits = 64;

bool is_sha256(std::string_view text) {
  return text.size() == kSha256Digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// One file of a variant against the listing; its sha256 (or "") comes back.
Result<std::string> check_file(const ModelFile* file, std::string_view path,
                               const nlohmann::json& claim) {
  if (file == nullptr) {
    return fail(Errc::not_found, "The model has no {}, which model.json lists as weights.", path);
  }
  ACCEL_TRY(const auto bytes, count_field(claim, "bytes", kWhat));
  if (bytes && *bytes != file->bytes) {
    return fail(Errc::corrupt, "{} says that {} has {} bytes, but it has {}.", kWhat, path, *bytes,
                file->bytes);
  }
  ACCEL_TRY(const std::string cid_text, text_field(claim, "cid", "", kWhat));
  if (!cid_text.empty()) {
    const auto cid = ipld::Cid::parse(cid_text);
    if (!cid || cid->as_v1() != file->cid.as_v1()) {
      return fail(Errc::corrupt, "{} says that {} is {}, but it is {}.", kWhat, path, cid_text,
                  file->cid);
    }
  }
  ACCEL_TRY(std::string sha256, text_field(claim, "sha256", "", kWhat));
  if (!sha256.empty() && !is_sha256(sha256)) {
    return fail(Errc::corrupt, "{}: the sha256 of {} is not 64 lower-case hex digits.", kWhat,
                path);
  }
  return sha256;
}

Status read_files(const ModelManifest& manifest, const nlohmann::json& files, Variant& variant) {
  std::vector<std::pair<std::string, std::string>> hashes;
  for (const auto& [path, claim] : files.items()) {
    ACCEL_CHECK(check_model_path(path));
    const ModelFile* file = manifest.find(path);
    ACCEL_TRY(std::string sha256, check_file(file, path, claim));
    if (!sha256.empty()) hashes.emplace_back(path, std::move(sha256));
    variant.files.push_back(*file);
  }
  const auto entry =
      std::find_if(variant.files.begin(), variant.files.end(),
                   [&](const ModelFile& file) { return file.path == variant.entry; });
  if (entry == variant.files.end()) {
    return fail(Errc::corrupt, "{}: the entry '{}' of a variant is not among its files.", kWhat,
                variant.entry);
  }
  std::rotate(variant.files.begin(), entry, entry + 1);
  if (hashes.size() == variant.files.size()) {
    variant.claimed_sha256 = combine_hashes(variant.entry, std::move(hashes));
  }
  return {};
}

// "graphs": {"detector": "det.onnx", …}, of a model whose task takes several.
Status read_graphs(const nlohmann::json& value, Variant& variant) {
  const nlohmann::json* const graphs = find_field(value, "graphs");
  if (graphs == nullptr) return {};
  if (!graphs->is_object() || graphs->empty() || graphs->size() > kMaxGraphs) {
    return fail(Errc::corrupt, "{}: graphs must name the paths of 1 to {} graphs.", kWhat,
                kMaxGraphs);
  }
  bool has_entry = false;
  for (const auto& [name, path] : graphs->items()) {
    if (name.empty() || name.size() > kMaxGraphName || !path.is_string()) {
      return fail(Errc::corrupt, "{}: graphs must be paths under names of up to {} bytes.", kWhat,
                  kMaxGraphName);
    }
    const auto& text = path.get_ref<const std::string&>();
    if (find_file(variant.files, text) == nullptr) {
      return fail(Errc::corrupt, "{}: the graph {} of a variant is not among its files.", kWhat,
                  name);
    }
    has_entry |= text == variant.entry;
    variant.graphs.emplace(name, text);
  }
  if (has_entry) return {};
  return fail(Errc::corrupt, "{}: the entry '{}' of a variant is none of its graphs.", kWhat,
              variant.entry);
}

Result<Variant> read_variant(const ModelManifest& manifest, const nlohmann::json& value) {
  Variant variant;
  ACCEL_TRY(variant.precision, text_field(value, "precision", "", kWhat));
  ACCEL_TRY(variant.format, text_field(value, "format", "onnx", kWhat));
  ACCEL_TRY(variant.engine, text_field(value, "engine", "", kWhat));
  ACCEL_TRY(variant.entry, text_field(value, "entry", "", kWhat));
  const nlohmann::json* files = find_field(value, "files");
  if (variant.precision.empty() || files == nullptr || !files->is_object() || files->empty()) {
    return fail(Errc::corrupt, "{}: a variant needs a precision and files.", kWhat);
  }
  if (variant.entry.empty() && files->size() == 1) variant.entry = files->begin().key();
  ACCEL_CHECK(read_files(manifest, *files, variant));
  ACCEL_CHECK(read_graphs(value, variant));
  return variant;
}

}  // namespace

Status read_model_json(ModelManifest& manifest, const Fetcher& fetcher) {
  manifest.source = kWhat;
  ACCEL_TRY(const nlohmann::json root,
            read_json_file(manifest.files, fetcher, kWhat, "what variants the model has"));
  ACCEL_TRY(const std::string format, text_field(root, "format", "", kWhat));
  if (format != "ipfs-accelerate/model") {
    return fail(Errc::corrupt, "{}: format must be \"ipfs-accelerate/model\".", kWhat);
  }
  ACCEL_TRY(const auto version, count_field(root, "version", kWhat));
  if (version != kVersion) {
    return fail(Errc::unsupported, "{} has version {}; this program reads version {}.", kWhat,
                version.value_or(0), kVersion);
  }
  ACCEL_TRY(manifest.task, text_field(root, "task", "", kWhat));
  ACCEL_TRY(manifest.family, text_field(root, "family", "", kWhat));
  const nlohmann::json* variants = find_field(root, "variants");
  if (manifest.task.empty() || variants == nullptr || !variants->is_array() || variants->empty() ||
      variants->size() > kMaxVariants) {
    return fail(Errc::corrupt, "{}: a task and 1 to {} variants are needed.", kWhat, kMaxVariants);
  }
  for (const nlohmann::json& value : *variants) {
    ACCEL_TRY(Variant variant, read_variant(manifest, value));
    manifest.variants.push_back(std::move(variant));
  }
  return {};
}

}  // namespace accel::models
