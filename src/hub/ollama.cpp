// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/ollama.hpp"

#include <map>

#include "accel/crypto/sha256.hpp"
#include "json_reading.hpp"

namespace accel::hub {
namespace {

constexpr std::size_t kMaxLayers = 1000;
constexpr std::string_view kMediaPrefix = "application/vnd.ollama.image.";
constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
    {"model", ".gguf"},  {"adapter", ".gguf"},  {"projector", ".gguf"},
    {"params", ".json"}, {"messages", ".json"}, {"config", ".json"}};

bool is_part(std::string_view part) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !part.empty() && part.size() <= 128 && part.front() != '.' && part.front() != '-' &&
         part.find_first_not_of(kLetters) == part.npos;
}

// "license", then "license-2": a model may have several.
std::string file_name(const std::string& kind, std::map<std::string, int>& used) {
  std::string_view ending;
  for (const auto& [name, extension] : kEndings) {
    if (name == kind) ending = extension;
  }
  const int number = ++used[kind];
  return number == 1 ? fmt::format("{}{}", kind, ending)
                     : fmt::format("{}-{}{}", kind, number, ending);
}

Result<HubFile> read_layer(const nlohmann::json& layer, const std::string& blobs, std::string kind,
                           std::map<std::string, int>& used) {
  const std::string digest = text_of(layer, "digest");
  HubFile file;
  file.bytes = number_of(layer, "size");
  const bool good = digest.starts_with("sha256:") && is_sha256(digest.substr(7)) && file.bytes &&
                    *file.bytes <= kMaxFileBytes && is_part(kind);
  if (!good) {
    return fail(
        Errc::corrupt, "The manifest has a layer without a digest and size that can be: {}.",
        layer.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 200));
  }
  file.sha256 = digest.substr(7);
  file.etag = digest;
  file.url = blobs + digest;
  file.path = file_name(kind, used);
  return file;
}

}  // namespace

Result<OllamaRef> parse_ollama_ref(std::string_view text) {
  OllamaRef ref;
  const std::size_t slash = text.find('/');
  std::string_view rest = text;
  if (slash != text.npos) {
    ref.space = text.substr(0, slash);
    rest = text.substr(slash + 1);
  }
  const std::size_t colon = rest.find(':');
  if (colon != rest.npos) ref.tag = rest.substr(colon + 1);
  ref.name = rest.substr(0, colon);
  if (!is_part(ref.space) || !is_part(ref.name) || !is_part(ref.tag)) {
    return fail(Errc::invalid_argument,
                "\"ollama:{}\" names no model: write ollama:NAME or ollama:NAME:TAG.",
                text.substr(0, 200));
  }
  return ref;
}

std::string ollama_manifest_url(const std::string& registry, const OllamaRef& ref) {
  return fmt::format("{}/v2/{}/{}/manifests/{}", registry, ref.space, ref.name, ref.tag);
}

Result<HubListing> parse_ollama_manifest(const std::string& registry, const OllamaRef& ref,
                                         std::string_view text) {
  ACCEL_TRY(const nlohmann::json json, parse_hub_json(text, "The manifest of " + ref.name));
  const std::string full = ref.space == "library" ? ref.name : ref.space + "/" + ref.name;
  HubListing listing;
  listing.source = fmt::format("ollama:{}:{}", full, ref.tag);
  listing.revision = ref.tag;
  listing.commit = to_hex(crypto::sha256(as_bytes(text)));
  listing.name = fmt::format("{}:{}", ref.name, ref.tag);
  const auto layers = json.find("layers");
  if (layers == json.end() || !layers->is_array() || layers->size() > kMaxLayers) {
    return fail(Errc::corrupt, "The manifest of {} names no layers, or too many.", ref.name);
  }
  const std::string blobs = fmt::format("{}/v2/{}/{}/blobs/", registry, ref.space, ref.name);
  std::map<std::string, int> used;
  bool has_model = false;
  for (const nlohmann::json& layer : *layers) {
    const std::string media = text_of(layer, "mediaType");
    std::string kind =
        media.starts_with(kMediaPrefix) ? media.substr(kMediaPrefix.size()) : "layer";
    has_model = has_model || kind == "model";
    ACCEL_TRY(HubFile file, read_layer(layer, blobs, std::move(kind), used));
    listing.files.push_back(std::move(file));
  }
  const auto config = json.find("config");
  if (config != json.end() && config->is_object()) {
    ACCEL_TRY(HubFile file, read_layer(*config, blobs, "config", used));
    listing.files.push_back(std::move(file));
  }
  if (has_model) return listing;
  return fail(Errc::unsupported, "The manifest of {} has no model layer.", ref.name);
}

}  // namespace accel::hub
