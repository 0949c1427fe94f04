// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a hub says a model consists of: files with their sizes and digests, under the version that a
// name led to. Used by hub's downloader and by node. Plain values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::hub {

inline constexpr std::size_t kMaxFiles = 20'000;
inline constexpr std::size_t kMaxPathBytes = 1024;
inline constexpr std::uint64_t kMaxFileBytes = 1ULL << 42U;  // 4 TiB: more is a lie.

struct HubFile {
  std::string path;                    // Below the model's folder, with '/'; checked.
  std::string url;                     // Where its bytes are.
  std::optional<std::uint64_t> bytes;  // Nothing when the hub does not say.
  std::string sha256;                  // 64 hex digits; empty when the hub does not say.
  std::string etag;                    // The hub's word for this version of the file; may be empty.
};

struct HubListing {
  std::string source;    // "hf:ORG/NAME", "ollama:NAME:TAG" or "s3:BUCKET/PREFIX": provenance.
  std::string revision;  // What was asked for: a branch, a tag.
  std::string commit;    // What that led to: it names the files' versions.
  std::string name;      // A local name that fits.
  std::vector<HubFile> files;
};

// A path of a hub is followed on this disk: relative, without "." and "..", NUL and backslashes.
// Errors: corrupt (shows the path).
Status check_path(std::string_view path);
// Of sorted files, that one folder can hold them all, and their parts while they come: no path
// twice, none below another, none that is another with ".part". Errors: corrupt (shows the path).
Status check_files_fit(const HubListing& listing);

// Keeps the files that any of `include` matches (all, when it is empty) and none of `exclude`;
// patterns as shells have them, '*' crosses '/'. Errors: not_found (nothing is left).
Status filter_files(HubListing& listing, const std::vector<std::string>& include,
                    const std::vector<std::string>& exclude);

}  // namespace accel::hub
