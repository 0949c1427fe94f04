// SPDX-License-Identifier: Apache-2.0
// What S3 answers: a page of a listing, which becomes files or is refused, and a refusal. No file
// that comes of it leaves its folder or is in another's way; no sentence holds a control character.
#include <algorithm>
#include <map>

#include "accel/hub/s3.hpp"
#include "accel/net/url.hpp"
#include "refusal.hpp"

namespace hub = accel::hub;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

const hub::S3Access kAccess{.endpoint = "http://127.0.0.1:9", .region = "here", .keys = {}};

void check_page(std::string_view text) {
  const auto page = hub::parse_s3_page(text);
  if (!page) return;
  for (const hub::S3Object& object : page->objects) {
    require(!object.key.empty() && object.key.size() <= hub::kMaxPathBytes);
    require(object.bytes <= hub::kMaxFileBytes);
    require(object.etag.find_first_of("\"\r\n") == object.etag.npos);
  }
  const auto listing = hub::make_s3_listing(kAccess, {"bucket", ""}, page->objects);
  if (!listing) return;
  require(!listing->files.empty() && listing->files.size() <= page->objects.size());
  std::map<std::string, int> paths;
  for (const hub::HubFile& file : listing->files) {
    require(hub::check_path(file.path).has_value());
    require(++paths[file.path] == 1);
    const auto url = accel::net::parse_url(file.url);
    require(url && url->port == 9 && url->query.empty());
    require(accel::net::percent_decode(url->path).value() == "/bucket/" + file.path);
  }
}

void check_refusal(std::string_view text) {
  accel::net::HttpReply reply;
  reply.status = 403;
  reply.url = accel::net::parse_url("http://127.0.0.1:9/bucket").value();
  reply.body = text;
  const accel::Error error = hub::s3_refusal_of(reply, "s3:bucket", kAccess);
  require(error.message.size() < 1000);
  require(std::ranges::none_of(error.message, [](char c) { return c >= 0 && c < 0x20; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_page(text);
  check_refusal(text);
  return 0;
}
