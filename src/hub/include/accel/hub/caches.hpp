// SPDX-License-Identifier: Apache-2.0
#pragma once
// Models and blocks that other programs keep on this disk: the Hugging Face cache, Ollama's folder,
// a Kubo repository. Finding them reads folders and small files, never weights. Used by node
// (adopt). Plain functions; thread-safe.
// Layouts: models--ORG--NAME/{refs,snapshots/COMMIT,blobs}; manifests/HOST/SPACE/NAME/TAG with
// blobs/sha256-DIGEST; blocks/SHARD/KEY.data (go-ds-flatfs).

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::hub {

enum class CacheKind { hugging_face, ollama, kubo };
std::string_view cache_kind_name(CacheKind kind);  // "huggingface", "ollama", "kubo".

struct CachedFile {
  std::string path;              // In the model's folder.
  std::filesystem::path source;  // On this disk; an ordinary file.
};

struct CachedModel {
  CacheKind kind = CacheKind::hugging_face;
  std::string source;             // "hf:ORG/NAME", "ollama:NAME:TAG", "kubo:/path".
  std::string revision;           // A ref that leads to it; may be empty.
  std::string commit;             // As in HubListing.
  std::string name;               // A local name that fits.
  std::filesystem::path path;     // The snapshot, the manifest, or the folder of blocks.
  std::vector<CachedFile> files;  // Not for Kubo, whose folder goes as it is.
  std::uint64_t bytes = 0;
  std::string problem;  // Why it can't be adopted; empty when it can.
};

inline constexpr std::size_t kMaxCachedModels = 10'000;

// Everything below a folder that is one of the three, or holds one ("hub" of ~/.cache/huggingface,
// "models" of ~/.ollama). Errors: not_found (there is no such folder), unsupported (it is none of
// the three), io.
Result<std::vector<CachedModel>> find_cached(const std::filesystem::path& folder);

}  // namespace accel::hub
