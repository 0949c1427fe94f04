// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/s3.hpp"

#include <algorithm>
#include <charconv>

#include "accel/crypto/sha256.hpp"
#include "accel/net/url.hpp"
#include "etag.hpp"
#include "xml.hpp"

namespace accel::hub {
namespace {

constexpr std::size_t kMaxBucketBytes = 63;
constexpr std::size_t kMaxTokenBytes = 2048;
constexpr std::size_t kMaxEtagBytes = 256;
constexpr std::string_view kSmall = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kCapitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

bool is_made_of(std::string_view text, std::initializer_list<std::string_view> letters) {
  return std::ranges::all_of(text, [&](char c) {
    return std::ranges::any_of(letters,
                               [&](std::string_view set) { return set.find(c) != set.npos; });
  });
}

bool is_bucket(std::string_view name) {
  return name.size() >= 3 && name.size() <= kMaxBucketBytes &&
         is_made_of(name, {kSmall, kCapitals, "._-"}) && name.front() != '.' && name.front() != '-';
}

// A certificate for *.host covers one label: letters, digits and inner hyphens.
bool is_host_label(std::string_view name) {
  return is_made_of(name, {kSmall, "-"}) && !name.ends_with('-');
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Keys come as forms encode them, so that every key fits into XML: '+' is a space.
Result<std::string> decoded(std::string text, bool is_encoded) {
  if (!is_encoded) return text;
  std::ranges::replace(text, '+', ' ');
  return net::percent_decode(text);
}

Result<S3Object> read_object(const XmlElement& row, bool is_encoded) {
  S3Object object;
  ACCEL_TRY(object.key, decoded(row.text_of("Key"), is_encoded));
  object.etag = bare_etag(row.text_of("ETag"));
  object.modified = row.text_of("LastModified");
  const std::string size = row.text_of("Size");
  const auto read = std::from_chars(size.data(), size.data() + size.size(), object.bytes);
  const bool has_size = read.ec == std::errc() && read.ptr == size.data() + size.size();
  const bool good_key = !object.key.empty() && object.key.size() <= kMaxPathBytes &&
                        is_utf8(object.key) && !has_control(object.key);
  if (!good_key) {
    return fail(Errc::corrupt, "The listing has a key that no object can have.");
  }
  if (!has_size || object.bytes > kMaxFileBytes) {
    return fail(Errc::corrupt, "The listing says that {} has \"{}\" bytes.", object.key,
                size.substr(0, 40));
  }
  const bool fits_header =
      object.etag.size() <= kMaxEtagBytes &&
      std::ranges::all_of(object.etag, [](char c) { return c > ' ' && c < 0x7f && c != '"'; });
  if (fits_header) return object;
  return fail(Errc::corrupt, "The listing has an ETag of {} that can't be one.", object.key);
}

// What a folder's path is to a key; a ref that names one object leads to it alone.
std::string path_of(const S3Ref& ref, const std::string& key) {
  if (key == ref.prefix) return key.substr(key.rfind('/') + 1);
  return ref.prefix.empty() ? key : key.substr(ref.prefix.size() + 1);
}

bool is_below(const S3Ref& ref, const std::string& key) {
  return ref.prefix.empty() || key == ref.prefix || key.starts_with(ref.prefix + "/");
}

// Names the versions of all files: where they are, what they are called, and their ETags.
std::string version_of(const std::string& bucket_url, const std::vector<S3Object>& objects) {
  std::vector<std::string> lines;
  for (const S3Object& object : objects) {
    lines.push_back(fmt::format("{} {} {} {}", object.key.size(), object.key, object.bytes,
                                object.etag.empty() ? object.modified : object.etag));
  }
  std::ranges::sort(lines);
  crypto::Sha256 hash;
  hash.update(as_bytes(bucket_url));
  for (const std::string& line : lines) hash.update(as_bytes("\n" + line));
  return to_hex(hash.finish());
}

std::string local_name(const S3Ref& ref) {
  std::string name = ref.prefix.empty() ? ref.bucket : ref.prefix.substr(ref.prefix.rfind('/') + 1);
  for (char& c : name) {
    if (!is_made_of(std::string_view(&c, 1), {kSmall, kCapitals, "._-"})) c = '_';
  }
  return name;
}

}  // namespace

std::string S3Ref::text() const {
  return prefix.empty() ? "s3:" + bucket : fmt::format("s3:{}/{}", bucket, prefix);
}

Result<S3Ref> parse_s3_ref(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with("//")) rest.remove_prefix(2);
  S3Ref ref;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  ref.bucket = rest.substr(0, slash);
  rest.remove_prefix(std::min(slash + 1, rest.size()));
  if (rest.ends_with('/')) rest.remove_suffix(1);
  ref.prefix = rest;
  const bool good_prefix = ref.prefix.empty() || (check_path(ref.prefix) && is_utf8(ref.prefix) &&
                                                  !has_control(ref.prefix));
  if (is_bucket(ref.bucket) && good_prefix) return ref;
  return fail(Errc::invalid_argument,
              "\"s3:{}\" names no folder of a bucket: write s3:BUCKET/PREFIX or "
              "s3://BUCKET/PREFIX.",
              text.substr(0, 200));
}

Status check_s3_region(std::string_view region) {
  constexpr std::size_t kMaxRegionBytes = 40;
  const bool good = !region.empty() && region.size() <= kMaxRegionBytes &&
                    is_made_of(region, {kSmall, "-"}) && is_host_label(region);
  if (good) return {};
  return fail(Errc::invalid_argument, "\"{}\" is no region of S3: they are named as {}.",
              region.substr(0, kMaxRegionBytes), kS3DefaultRegion);
}

std::string s3_bucket_url(const S3Access& access, const std::string& bucket) {
  if (!access.endpoint.empty()) return access.endpoint + "/" + bucket;
  // Amazon's documentation, "Amazon S3 endpoints"; China has a domain of its own.
  const std::string host = fmt::format("s3.{}.amazonaws.com{}", access.region,
                                       access.region.starts_with("cn-") ? ".cn" : "");
  if (is_host_label(bucket)) return fmt::format("https://{}.{}", bucket, host);
  return fmt::format("https://{}/{}", host, bucket);
}

std::string s3_list_url(const S3Access& access, const std::string& bucket,
                        const S3Question& question) {
  std::string query;
  if (!question.token.empty()) {
    query = "continuation-token=" + net::percent_encode(question.token) + "&";
  }
  query += fmt::format("encoding-type=url&list-type=2&max-keys={}", question.max_keys);
  if (!question.prefix.empty()) query += "&prefix=" + net::percent_encode(question.prefix);
  return s3_bucket_url(access, bucket) + "?" + query;
}

Result<S3Page> parse_s3_page(std::string_view xml) {
  ACCEL_TRY(const XmlElement root, parse_xml(xml));
  if (root.name != "ListBucketResult") {
    return fail(Errc::corrupt, "The endpoint answers with no listing of a bucket, but with <{}>.",
                root.name);
  }
  const bool is_encoded = root.text_of("EncodingType") == "url";
  S3Page page;
  for (const XmlElement& row : root.children) {
    if (row.name != "Contents") continue;
    ACCEL_TRY(S3Object object, read_object(row, is_encoded));
    page.objects.push_back(std::move(object));
  }
  if (root.text_of("IsTruncated") != "true") return page;
  page.next = root.text_of("NextContinuationToken");
  if (!page.next.empty() && page.next.size() <= kMaxTokenBytes) return page;
  return fail(Errc::corrupt, "The listing is one of several pages, but says not where it goes on.");
}

bool is_folder_marker(const S3Object& object) {
  return object.bytes == 0 && object.key.ends_with('/');
}

Result<HubListing> make_s3_listing(const S3Access& access, const S3Ref& ref,
                                   const std::vector<S3Object>& objects) {
  HubListing listing;
  listing.source = ref.text();
  listing.name = local_name(ref);
  const std::string base = s3_bucket_url(access, ref.bucket);
  listing.commit = version_of(base, objects);
  for (const S3Object& object : objects) {
    if (!is_below(ref, object.key)) {
      return fail(Errc::corrupt, "Asked for what is below {}, the listing has {}.", ref.text(),
                  object.key);
    }
    if (is_folder_marker(object)) continue;
    HubFile& file = listing.files.emplace_back();
    file.path = path_of(ref, object.key);
    ACCEL_CHECK(check_path(file.path));
    file.url = base + "/" + net::percent_encode(object.key, /*keep_slashes=*/true);
    file.bytes = object.bytes;
    file.etag = object.etag;
  }
  if (listing.files.empty()) {
    return fail(Errc::not_found, "There is no object {}, and none below it.", ref.text());
  }
  if (listing.files.size() > kMaxFiles) {
    return fail(Errc::resource_exhausted, "{} has {} objects; at most {} are fetched.", ref.text(),
                listing.files.size(), kMaxFiles);
  }
  std::ranges::sort(listing.files, {}, &HubFile::path);
  ACCEL_CHECK(check_files_fit(listing));
  return listing;
}

void prepare_s3_call(net::HttpCall& call, const net::Url& url, const S3Access& access,
                     WallTime now) {
  call.follow_redirects = false;
  if (access.keys)
    sign_aws_request(call, url, *access.keys, AwsScope{.region = access.region}, now);
}

}  // namespace accel::hub
