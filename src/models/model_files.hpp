// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small helpers over a model's listing: safe paths, JSON files by name, hashes of weight files.
// Private to models. Plain functions.

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accel/models/manifest.hpp"

namespace accel::models {

// Whether a path stays inside the model's directory: relative, no empty, "." or ".." part, no NUL
// and no backslash. Errors: corrupt, naming the path (escaped).
Status check_model_path(std::string_view path);
// Everything up to the last '/', with it; empty for a file at the top.
std::string_view folder_of(std::string_view path);

const ModelFile* find_file(std::span<const ModelFile> files, std::string_view path);

// Reads and parses a file of the listing. Errors: not_found ("… is missing: it says {purpose}"),
// corrupt, resource_exhausted, and the Fetcher's.
Result<nlohmann::json> read_json_file(std::span<const ModelFile> files, const Fetcher& fetcher,
                                      std::string_view path, std::string_view purpose);

// The definition of weights_sha256() over the SHA-256 (hex) of each file: see manifest.hpp.
std::string combine_hashes(std::string_view entry,
                           std::vector<std::pair<std::string, std::string>> path_and_sha256);

}  // namespace accel::models
