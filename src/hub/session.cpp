// SPDX-License-Identifier: Apache-2.0
// The questions to a hub: which files there are.
#include <algorithm>
#include <iterator>
#include <utility>

#include "accel/hub/download.hpp"
#include "accel/net/url.hpp"
#include "json_reading.hpp"
#include "refusal.hpp"

namespace accel::hub {
namespace {

constexpr std::string_view kManifestTypes =
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.manifest.v1+json";

net::HttpCall call_with(const std::string& token, std::stop_token stop) {
  net::HttpCall call;
  if (!token.empty()) call.headers.add("Authorization", "Bearer " + token);
  call.max_body_bytes = kMaxJsonBytes;
  call.stop = std::move(stop);
  return call;
}

}  // namespace

Task<HubListing> Session::list_hugging_face(std::string endpoint, HuggingFaceRef ref,
                                            std::string token, std::stop_token stop) {
  ACCEL_CO_TRY(net::Url url, net::parse_url(hugging_face_info_url(endpoint, ref)));
  auto asking = client_.request(std::move(url), call_with(token, std::move(stop)));
  auto reply = co_await std::move(asking);
  if (!reply) co_return fail(std::move(reply).error());
  if (!reply->ok()) co_return fail(refusal_of(*reply, "hf:" + ref.id, !token.empty()));
  co_return parse_hugging_face_info(endpoint, ref, reply->body);
}

Task<HubListing> Session::complete_hugging_face(HubListing listing, std::string token,
                                                std::stop_token stop) {
  for (HubFile& file : listing.files) {
    if (file.bytes) continue;
    ACCEL_CO_TRY(net::Url url, net::parse_url(file.url));
    net::HttpCall call = call_with(token, stop);
    call.method = "HEAD";
    call.follow_redirects = false;  // The redirect itself carries what the hub says of the file.
    auto asking = client_.request(std::move(url), std::move(call));
    auto reply = co_await std::move(asking);
    if (!reply) co_return fail(std::move(reply).error());
    if (reply->status >= 400) co_return fail(refusal_of(*reply, file.path, !token.empty()));
    ACCEL_CO_CHECK(complete_hugging_face_file(file, listing.commit, reply->headers));
  }
  co_return listing;
}

Task<HubListing> Session::list_ollama(std::string registry, OllamaRef ref, std::stop_token stop) {
  ACCEL_CO_TRY(net::Url url, net::parse_url(ollama_manifest_url(registry, ref)));
  net::HttpCall call = call_with({}, std::move(stop));
  call.headers.add("Accept", std::string(kManifestTypes));
  auto asking = client_.request(std::move(url), std::move(call));
  auto reply = co_await std::move(asking);
  if (!reply) co_return fail(std::move(reply).error());
  const std::string what = fmt::format("ollama:{}:{}", ref.name, ref.tag);
  if (!reply->ok()) co_return fail(refusal_of(*reply, what, false));
  co_return parse_ollama_manifest(registry, ref, reply->body);
}

Task<S3Page> Session::ask_s3(const S3Access& access, const S3Ref& ref, const S3Question& question,
                             std::stop_token stop) {
  ACCEL_CO_TRY(net::Url url, net::parse_url(s3_list_url(access, ref.bucket, question)));
  net::HttpCall call = call_with({}, std::move(stop));
  prepare_s3_call(call, url, access, clock_.wall_now());
  auto asking = client_.request(std::move(url), std::move(call));
  auto reply = co_await std::move(asking);
  if (!reply) co_return fail(std::move(reply).error());
  if (!reply->ok()) co_return fail(s3_refusal_of(*reply, ref.text(), access));
  co_return parse_s3_page(reply->body);
}

Task<std::vector<S3Object>> Session::list_s3_objects(const S3Access& access, const S3Ref& ref,
                                                     std::stop_token stop) {
  S3Question question;
  if (!ref.prefix.empty()) question.prefix = ref.prefix + "/";
  std::vector<S3Object> objects;
  for (std::size_t pages = 0; pages < kMaxS3Pages; ++pages) {
    auto asking = ask_s3(access, ref, question, stop);
    auto page = co_await std::move(asking);
    if (!page) co_return fail(std::move(page).error());
    std::ranges::move(page->objects, std::back_inserter(objects));
    if (page->next.empty()) co_return objects;
    if (objects.size() > kMaxFiles) break;
    question.token = std::move(page->next);
  }
  co_return fail(Errc::resource_exhausted,
                 "{} has more than {} objects, or its listing does not end.", ref.text(),
                 std::min(objects.size(), kMaxFiles));
}

// A folder is looked for first: "models/bert" is not to be found in "models/bert-large".
Task<HubListing> Session::list_s3(S3Access access, S3Ref ref, std::stop_token stop) {
  auto listing = list_s3_objects(access, ref, stop);
  auto objects = co_await std::move(listing);
  if (!objects) co_return fail(std::move(objects).error());
  if (!ref.prefix.empty() && std::ranges::all_of(*objects, is_folder_marker)) {
    S3Question question;  // The shortest key with a prefix comes first.
    question.prefix = ref.prefix;
    question.max_keys = 1;
    auto asking = ask_s3(access, ref, question, stop);
    auto page = co_await std::move(asking);
    if (!page) co_return fail(std::move(page).error());
    *objects = std::move(page->objects);
    std::erase_if(*objects, [&](const S3Object& object) { return object.key != ref.prefix; });
  }
  co_return make_s3_listing(access, ref, *objects);
}

}  // namespace accel::hub
