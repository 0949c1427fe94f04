// SPDX-License-Identifier: Apache-2.0
// A directory whose weights are GGUF files: each says by itself what it is. Every *.gguf is a
// variant, but for projectors of other modalities (mmproj) and adapters.
#include <algorithm>
#include <map>

#include "accel/inference/gguf_reader.hpp"
#include "accel/inference/llama_embedder.hpp"
#include "layouts.hpp"
#include "model_files.hpp"

namespace accel::models {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

// How most of the weights are stored: "q4_1", "f16".
std::string precision_of(const inference::GgufHeader& header) {
  std::map<std::string, std::uint64_t> bytes;
  for (const inference::GgufTensor& tensor : header.tensors) bytes[tensor.dtype] += tensor.length;
  const auto most = std::ranges::max_element(
      bytes, [](const auto& a, const auto& b) { return a.second < b.second; });
  return most == bytes.end() ? "unknown" : lower(most->first);
}

bool is_weights(std::string_view path) {
  return path.ends_with(".gguf") && path.find("mmproj") == std::string_view::npos;
}

}  // namespace

bool has_gguf(const ModelManifest& manifest) {
  return std::ranges::any_of(manifest.files,
                             [](const ModelFile& file) { return is_weights(file.path); });
}

Status read_gguf_folder(ModelManifest& manifest, const Fetcher& fetcher) {
  manifest.source = "gguf";
  for (const ModelFile& file : manifest.files) {
    if (!is_weights(file.path)) continue;
    ACCEL_TRY(const std::filesystem::path local, fetcher(file.path));
    auto header = inference::read_gguf_file(local);
    if (!header) {
      header.error().message = fmt::format("{}: {}", file.path, header.error().message);
      return fail(std::move(header).error());
    }
    const auto architecture = header->texts.find("general.architecture");
    if (manifest.family.empty() && architecture != header->texts.end())
      manifest.family = architecture->second;
    if (manifest.task.empty())
      manifest.task =
          inference::is_made_for_vectors(*header) ? "text-embedding" : "text-generation";
    Variant variant;
    variant.precision = precision_of(*header);
    variant.format = "gguf";
    variant.entry = file.path;
    variant.files.push_back(file);
    manifest.variants.push_back(std::move(variant));
  }
  return {};
}

}  // namespace accel::models
