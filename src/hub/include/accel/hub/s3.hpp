// SPDX-License-Identifier: Apache-2.0
#pragma once
// The routes of S3 that bring a model: what a folder of a bucket consists of, and where its objects
// are. Used by node (pull s3:…), for Amazon's S3 and for what speaks its protocol. Pure: text in,
// text out; hub::Session asks.
// Spec: Amazon S3 API, ListObjectsV2 (GET /?list-type=2) and GetObject with Range and If-Match.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/hub/aws_signature.hpp"
#include "accel/hub/listing.hpp"

namespace accel::hub {

inline constexpr std::string_view kS3DefaultRegion = "us-east-1";
inline constexpr std::size_t kMaxS3Pages = 2000;  // Of one listing; Amazon's have 1000 keys each.

struct S3Ref {
  std::string bucket;
  std::string prefix;  // A folder, or one object; without '/' at its ends. Empty: the whole bucket.

  std::string text() const;  // "s3:BUCKET/PREFIX"
};
// "BUCKET/PREFIX", or what follows "s3:" of "s3://BUCKET/PREFIX". Errors: invalid_argument.
Result<S3Ref> parse_s3_ref(std::string_view text);

struct S3Access {
  std::string endpoint;  // "https://host", without a slash at its end; empty: Amazon's of `region`.
  std::string region = std::string(kS3DefaultRegion);
  std::optional<AwsKeys> keys;  // Nothing: requests are not signed, which public buckets allow.
};
// Errors: invalid_argument (the region is a part of host names).
Status check_s3_region(std::string_view region);

// Where the bucket is: below its own host at Amazon, below the endpoint's path elsewhere and for
// names that certificates do not cover. Without a slash at its end.
std::string s3_bucket_url(const S3Access& access, const std::string& bucket);

struct S3Question {
  std::string prefix;
  std::string token;  // Where the page before ended; empty: from the start.
  int max_keys = 1000;
};
std::string s3_list_url(const S3Access& access, const std::string& bucket,
                        const S3Question& question);

struct S3Object {
  std::string key;
  std::string etag;  // Without quotes; may be empty.
  std::string modified;
  std::uint64_t bytes = 0;
};
struct S3Page {
  std::vector<S3Object> objects;
  std::string next;  // Where the next page begins; empty: this is the last.
};
// The answer of that URL. Errors: corrupt.
Result<S3Page> parse_s3_page(std::string_view xml);

// What stands for a folder and has no bytes ("models/"), as consoles make them.
bool is_folder_marker(const S3Object& object);

// The objects below the ref's folder, or the one that the ref names, as files. `commit` is a digest
// of all that was listed. Errors: not_found (no object), resource_exhausted, corrupt (a key that is
// no path below the folder, or that a folder cannot hold beside another).
Result<HubListing> make_s3_listing(const S3Access& access, const S3Ref& ref,
                                   const std::vector<S3Object>& objects);

// Signs, where there are keys, and keeps redirects from being followed: a signature is of one host.
// Headers that are added later are not signed.
void prepare_s3_call(net::HttpCall& call, const net::Url& url, const S3Access& access,
                     WallTime now);

}  // namespace accel::hub
