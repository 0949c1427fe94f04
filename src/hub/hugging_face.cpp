// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/hugging_face.hpp"

#include <algorithm>
#include <charconv>

#include "accel/net/url.hpp"
#include "etag.hpp"
#include "json_reading.hpp"

namespace accel::hub {
namespace {

constexpr std::size_t kMaxPartBytes = 200;

bool is_id_part(std::string_view part) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !part.empty() && part.size() <= kMaxPartBytes && part.front() != '.' &&
         part.find_first_not_of(kLetters) == part.npos;
}

Result<HubFile> read_file(const nlohmann::json& row, const std::string& base) {
  HubFile file;
  file.path = text_of(row, "rfilename");
  ACCEL_CHECK(check_path(file.path));
  file.url = base + net::percent_encode(file.path, /*keep_slashes=*/true);
  file.bytes = number_of(row, "size");
  file.etag = text_of(row, "blobId");
  const auto lfs = row.find("lfs");
  if (lfs != row.end() && lfs->is_object()) {
    file.sha256 = text_of(*lfs, "sha256");
    if (file.sha256.empty()) file.sha256 = text_of(*lfs, "oid");
    file.etag = file.sha256;
    if (!is_sha256(file.sha256)) {
      return fail(Errc::corrupt, "The hub names no SHA-256 of {}, but \"{}\".", file.path,
                  file.sha256.substr(0, 100));
    }
    const auto bytes = number_of(*lfs, "size");
    if (bytes && file.bytes && *bytes != *file.bytes) {
      return fail(Errc::corrupt, "The hub names two sizes of {}: {} and {} bytes.", file.path,
                  *file.bytes, *bytes);
    }
    if (bytes) file.bytes = bytes;
  }
  if (file.bytes.value_or(0) > kMaxFileBytes) {
    return fail(Errc::corrupt, "The hub says that {} has {} bytes.", file.path, *file.bytes);
  }
  return file;
}

}  // namespace

Result<HuggingFaceRef> parse_hugging_face_ref(std::string_view text) {
  HuggingFaceRef ref;
  const std::size_t at = text.find('@');
  if (at != text.npos) ref.revision = text.substr(at + 1);
  ref.id = text.substr(0, at);
  const std::size_t slash = ref.id.find('/');
  const std::string_view id(ref.id);
  const bool good_id = slash == id.npos
                           ? is_id_part(id)
                           : is_id_part(id.substr(0, slash)) && is_id_part(id.substr(slash + 1));
  if (!good_id || check_path(ref.revision).has_value() == false) {
    return fail(Errc::invalid_argument,
                "\"hf:{}\" names no model: write hf:ORG/NAME, or hf:ORG/NAME@REVISION.",
                text.substr(0, kMaxPartBytes));
  }
  return ref;
}

std::string hugging_face_info_url(const std::string& endpoint, const HuggingFaceRef& ref) {
  return fmt::format("{}/api/models/{}/revision/{}?blobs=true", endpoint, ref.id,
                     net::percent_encode(ref.revision));
}

Result<HubListing> parse_hugging_face_info(const std::string& endpoint, const HuggingFaceRef& ref,
                                           std::string_view text) {
  const std::string what = "What the hub says of " + ref.id;
  ACCEL_TRY(const nlohmann::json json, parse_hub_json(text, what));
  HubListing listing;
  listing.source = "hf:" + ref.id;
  listing.revision = ref.revision;
  listing.commit = text_of(json, "sha");
  listing.name = ref.id.substr(ref.id.find('/') + 1);
  const auto siblings = json.find("siblings");
  const bool good = is_id_part(listing.commit) && siblings != json.end() && siblings->is_array();
  if (!good) return fail(Errc::corrupt, "{} names no commit, or no files.", what);
  if (siblings->size() > kMaxFiles) {
    return fail(Errc::resource_exhausted, "{} has {} files; at most {} are fetched.", ref.id,
                siblings->size(), kMaxFiles);
  }
  // By the commit, so that what a branch gets meanwhile does not mix in.
  const std::string base = fmt::format("{}/{}/resolve/{}/", endpoint, ref.id, listing.commit);
  for (const nlohmann::json& row : *siblings) {
    ACCEL_TRY(HubFile file, read_file(row, base));
    listing.files.push_back(std::move(file));
  }
  std::ranges::sort(listing.files, {}, &HubFile::path);
  ACCEL_CHECK(check_files_fit(listing));
  return listing;
}

Status complete_hugging_face_file(HubFile& file, const std::string& commit,
                                  const net::Headers& headers) {
  const auto got = headers.get("X-Repo-Commit");
  if (got && *got != commit) {
    return fail(Errc::corrupt, "Asked for {} of commit {}, the hub answers with commit {}.",
                file.path, commit, got->substr(0, 100));
  }
  const bool linked = headers.has("X-Linked-Etag");
  const std::string etag = bare_etag(headers.get_or(linked ? "X-Linked-Etag" : "ETag", ""));
  if (!etag.empty()) file.etag = etag;
  if (linked && is_sha256(etag)) file.sha256 = etag;
  // A redirect's own length says nothing of the file.
  const bool moved = headers.has("Location");
  const auto size = headers.get("X-Linked-Size");
  const std::string_view text =
      size ? *size : (moved ? std::string_view() : headers.get_or("Content-Length", ""));
  std::uint64_t bytes = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (!text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) {
    if (bytes > kMaxFileBytes || (file.bytes && *file.bytes != bytes)) {
      return fail(Errc::corrupt, "The hub says that {} has {} bytes.", file.path, bytes);
    }
    file.bytes = bytes;
  }
  return {};
}

}  // namespace accel::hub
