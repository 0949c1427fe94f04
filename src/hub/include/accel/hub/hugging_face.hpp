// SPDX-License-Identifier: Apache-2.0
#pragma once
// The routes of the Hugging Face hub that bring a model: what a revision consists of, and where its
// files are. Used by node (pull hf:…). Pure: text in, text out; hub::Session asks.
// Spec: the hub's public API documentation (GET /api/models/{id}/revision/{rev}?blobs=true, GET
// and HEAD /{id}/resolve/{rev}/{path} with X-Repo-Commit, X-Linked-Size, X-Linked-Etag).

#include <string>
#include <string_view>

#include "accel/hub/listing.hpp"
#include "accel/net/headers.hpp"

namespace accel::hub {

inline constexpr std::string_view kHuggingFaceEndpoint = "https://huggingface.co";

struct HuggingFaceRef {
  std::string id;  // "ORG/NAME", or "NAME" of the first models.
  std::string revision = "main";
};
// "ORG/NAME", "ORG/NAME@REV". Errors: invalid_argument.
Result<HuggingFaceRef> parse_hugging_face_ref(std::string_view text);

// endpoint: "https://host", without a slash at its end.
std::string hugging_face_info_url(const std::string& endpoint, const HuggingFaceRef& ref);
// The answer of that URL as a listing. Errors: corrupt (not what the documentation says, a path
// that leaves the folder), resource_exhausted.
Result<HubListing> parse_hugging_face_info(const std::string& endpoint, const HuggingFaceRef& ref,
                                           std::string_view json);
// What the head of a file says (the redirect itself, not where it leads), for files of which the
// listing did not say enough. Errors: corrupt (another commit than the listing's).
Status complete_hugging_face_file(HubFile& file, const std::string& commit,
                                  const net::Headers& headers);

}  // namespace accel::hub
