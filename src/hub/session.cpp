// SPDX-License-Identifier: Apache-2.0
// The questions to a hub: which files there are.
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

}  // namespace accel::hub
