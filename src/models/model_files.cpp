// SPDX-License-Identifier: Apache-2.0
#include "model_files.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/crypto/sha256.hpp"
#include "json_scanner.hpp"

namespace accel::models {
namespace {

bool is_safe_part(std::string_view part) { return !part.empty() && part != "." && part != ".."; }

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 100));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return out;
}

}  // namespace

Status check_model_path(std::string_view path) {
  bool safe = path.size() <= kMaxModelPathBytes && path.find('\\') == std::string_view::npos &&
              path.find('\0') == std::string_view::npos;
  for (std::size_t start = 0; safe;) {
    const std::size_t slash = path.find('/', start);
    safe = is_safe_part(path.substr(start, slash - start));
    if (slash == std::string_view::npos) break;
    start = slash + 1;
  }
  if (safe) return {};
  return fail(Errc::corrupt, "The path '{}' does not name a file inside the model's directory.",
              printable(path));
}

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash + 1);
}

const ModelFile* find_file(std::span<const ModelFile> files, std::string_view path) {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [path](const ModelFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

Result<nlohmann::json> read_json_file(std::span<const ModelFile> files, const Fetcher& fetcher,
                                      std::string_view path, std::string_view purpose) {
  if (find_file(files, path) == nullptr) {
    return fail(Errc::not_found, "The model has no {}, which says {}.", path, purpose);
  }
  ACCEL_TRY(const std::filesystem::path local, fetcher(path));
  ACCEL_TRY(const std::string text, read_text_file(local, kMaxConfigBytes));
  return parse_json(text, path);
}

std::string combine_hashes(std::string_view entry,
                           std::vector<std::pair<std::string, std::string>> path_and_sha256) {
  if (path_and_sha256.size() == 1) return path_and_sha256.front().second;
  std::sort(path_and_sha256.begin(), path_and_sha256.end());
  const std::string_view folder = folder_of(entry);
  std::string lines;
  for (const auto& [path, sha256] : path_and_sha256) {
    const std::string_view relative =
        path.starts_with(folder) ? std::string_view(path).substr(folder.size()) : path;
    lines += fmt::format("{}  {}\n", sha256, relative);
  }
  return to_hex(crypto::sha256(as_bytes(lines)));
}

}  // namespace accel::models
