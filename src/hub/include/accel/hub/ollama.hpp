// SPDX-License-Identifier: Apache-2.0
#pragma once
// The routes of an Ollama registry that bring a model: its manifest and blobs by digest, and the
// same two as they lie on disk. Used by node (pull ollama:…) and by adopt. Pure: text in, text out.
// Spec: the OCI distribution API (GET /v2/{name}/manifests/{tag}, GET /v2/{name}/blobs/{digest});
// Ollama's media types application/vnd.ollama.image.{model, template, params, license, …}.

#include <string>
#include <string_view>

#include "accel/hub/listing.hpp"

namespace accel::hub {

inline constexpr std::string_view kOllamaRegistry = "https://registry.ollama.ai";

struct OllamaRef {
  std::string space = "library";
  std::string name;
  std::string tag = "latest";
};
// "NAME", "NAME:TAG", "SPACE/NAME:TAG". Errors: invalid_argument.
Result<OllamaRef> parse_ollama_ref(std::string_view text);

std::string ollama_manifest_url(const std::string& registry, const OllamaRef& ref);
// Layers become files: model.gguf, template, params.json, license, …, config.json. `commit` is the
// SHA-256 of the manifest. Errors: corrupt, resource_exhausted, unsupported (no model layer).
Result<HubListing> parse_ollama_manifest(const std::string& registry, const OllamaRef& ref,
                                         std::string_view json);

}  // namespace accel::hub
