// SPDX-License-Identifier: Apache-2.0
// Spec: Amazon S3 API, "Error responses".
#include <algorithm>

#include "accel/net/message.hpp"
#include "refusal.hpp"
#include "xml.hpp"

namespace accel::hub {
namespace {

constexpr std::size_t kMaxQuotedBytes = 200;

struct Meaning {
  std::string_view code;
  Errc errc;
  std::string_view advice;
};
constexpr Meaning kMeanings[] = {
    {"ExpiredToken", Errc::unauthenticated, "AWS_SESSION_TOKEN has expired."},
    {"InvalidToken", Errc::unauthenticated, "AWS_SESSION_TOKEN does not belong to the keys."},
    {"InvalidAccessKeyId", Errc::unauthenticated, "AWS_ACCESS_KEY_ID is not known there."},
    {"SignatureDoesNotMatch", Errc::unauthenticated,
     "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID."},
    {"RequestTimeTooSkewed", Errc::unauthenticated, "The clock of this machine is wrong."},
    {"NoSuchBucket", Errc::not_found, "There is no such bucket at this endpoint."},
    {"NoSuchKey", Errc::not_found, "The object was removed after it had been listed."},
    {"PreconditionFailed", Errc::corrupt,
     "The object was changed after it had been listed; pull again."}};

struct S3Answer {
  std::string code;
  std::string message;
  std::string region;  // The bucket's, where the answer says so.
};

std::string quotable(std::string text) {
  text.resize(std::min(text.size(), kMaxQuotedBytes));
  std::erase_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  while (text.ends_with('.')) text.pop_back();
  return text;
}

S3Answer answer_of(const net::HttpReply& reply) {
  S3Answer answer;
  if (const auto root = parse_xml(reply.body)) {
    answer.code = quotable(root->text_of("Code"));
    answer.message = quotable(root->text_of("Message"));
    answer.region = root->text_of("Region");
  }
  if (const auto region = reply.headers.get("X-Amz-Bucket-Region")) answer.region = *region;
  if (!check_s3_region(answer.region)) answer.region.clear();
  return answer;
}

std::string advice_of(const net::HttpReply& reply, const S3Answer& answer, const S3Access& access) {
  const bool is_elsewhere = !answer.region.empty() && answer.region != access.region;
  if (is_elsewhere || (reply.status >= 300 && reply.status < 400)) {
    return fmt::format("The bucket is {}: set AWS_REGION or models.s3_region.",
                       is_elsewhere ? "in the region " + answer.region
                                    : "in another region or at another endpoint");
  }
  if (reply.status != 401 && reply.status != 403) {
    return reply.status == 404 ? "There is no such bucket or object at this endpoint." : "";
  }
  if (access.keys) return "The keys have no access to it, or it does not exist.";
  return "It is not public, and there are no keys: set AWS_ACCESS_KEY_ID and "
         "AWS_SECRET_ACCESS_KEY, or models.s3_access_key_id and models.s3_secret_access_key.";
}

}  // namespace

Error s3_refusal_of(const net::HttpReply& reply, const std::string& what, const S3Access& access) {
  const S3Answer answer = answer_of(reply);
  std::string said = fmt::format("{} {}", reply.status, net::reason_phrase(reply.status));
  if (!answer.code.empty()) said += ", " + answer.code;
  if (!answer.message.empty()) said += ": " + answer.message;
  const bool precondition = reply.status == 412;
  const auto known = std::ranges::find(
      kMeanings, precondition ? std::string_view("PreconditionFailed") : answer.code,
      &Meaning::code);
  const bool is_known = known != std::end(kMeanings);
  const std::string advice =
      is_known ? std::string(known->advice) : advice_of(reply, answer, access);
  return {is_known ? known->errc : net::errc_of_http_status(reply.status),
          fmt::format("{} refuses {} ({}).{}{}", reply.url.origin(), what, said,
                      advice.empty() ? "" : " ", advice),
          {}};
}

}  // namespace accel::hub
