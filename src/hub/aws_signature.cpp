// SPDX-License-Identifier: Apache-2.0
#include "accel/hub/aws_signature.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <vector>

#include "accel/crypto/hkdf.hpp"
#include "accel/crypto/sha256.hpp"

namespace accel::hub {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

// "20261122T165007Z".
std::string basic_time(WallTime now) {
  std::string text = to_rfc3339(now);
  text = text.substr(0, text.find('.'));
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text + "Z";
}

// Blanks at the ends go, several inside become one.
std::string folded(std::string_view value) {
  std::string out;
  for (const char c : net::trim_blanks(value)) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

std::string sorted_query(std::string_view query) {
  std::vector<std::string> pairs;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    pairs.emplace_back(pair);
    if (pair.find('=') == pair.npos) pairs.back() += '=';
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
  }
  std::ranges::sort(pairs, {}, [](const std::string& pair) {
    const std::size_t equals = pair.find('=');
    return std::pair(pair.substr(0, equals), pair.substr(equals + 1));
  });
  return fmt::format("{}", fmt::join(pairs, "&"));
}

struct SignedHeaders {
  std::string names;  // "host;x-amz-date"
  std::string lines;  // "host:…\nx-amz-date:…\n"
};

SignedHeaders signed_headers(const net::HttpCall& call, const net::Url& url) {
  std::map<std::string, std::string> sorted{{"host", url.authority()}};
  for (const net::HeaderField& field : call.headers) {
    sorted[net::to_lower_ascii(field.name)] = folded(call.headers.combined(field.name));
  }
  SignedHeaders made;
  for (const auto& [name, value] : sorted) {
    made.names += (made.names.empty() ? "" : ";") + name;
    made.lines += name + ":" + value + "\n";
  }
  return made;
}

crypto::Secret32 signing_key(const AwsKeys& keys, const AwsScope& scope, std::string_view day) {
  const std::string first = "AWS4" + keys.secret;
  crypto::Secret32 key = crypto::hmac_sha256(as_bytes(first), as_bytes(day));
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service),
        std::string_view("aws4_request")}) {
    key = crypto::hmac_sha256(key.view(), as_bytes(part));
  }
  return key;
}

}  // namespace

void sign_aws_request(net::HttpCall& call, const net::Url& url, const AwsKeys& keys,
                      const AwsScope& scope, WallTime now) {
  const std::string time = basic_time(now);
  const std::string day = time.substr(0, time.find('T'));
  const std::string body_digest = to_hex(crypto::sha256(as_bytes(call.body)));
  call.headers.erase("Authorization");
  call.headers.set("X-Amz-Content-SHA256", body_digest);
  call.headers.set("X-Amz-Date", time);
  if (!keys.session_token.empty()) call.headers.set("X-Amz-Security-Token", keys.session_token);
  const SignedHeaders headers = signed_headers(call, url);
  const std::string request =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", call.method, url.path, sorted_query(url.query),
                  headers.lines, headers.names, body_digest);
  const std::string place = fmt::format("{}/{}/{}/aws4_request", day, scope.region, scope.service);
  const std::string to_sign = fmt::format("{}\n{}\n{}\n{}", kAlgorithm, time, place,
                                          to_hex(crypto::sha256(as_bytes(request))));
  const crypto::Secret32 key = signing_key(keys, scope, day);
  const crypto::Secret32 signature = crypto::hmac_sha256(key.view(), as_bytes(to_sign));
  call.headers.set("Authorization",
                   fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                               keys.id, place, headers.names, to_hex(signature.view())));
}

}  // namespace accel::hub
