// SPDX-License-Identifier: Apache-2.0
#include "content/hub_access.hpp"

#include <cstdlib>

#include "accel/net/access.hpp"
#include "accel/net/url.hpp"

namespace accel::node {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// What is set counts, then the first of the variables that is.
std::string setting_or(const Config& config, std::string_view key,
                       std::initializer_list<const char*> variables) {
  std::string value = config.get<std::string>(key);
  for (const char* const name : variables) {
    if (value.empty()) value = variable(name);
  }
  return value;
}

bool is_hidden_on_the_way(const net::Url& url) {
  return url.scheme == "https" || net::is_loopback_host(url.host);
}

// Both halves of the keys come from the same place: settings, or the environment.
Result<std::optional<hub::AwsKeys>> s3_keys(const Config& config) {
  hub::AwsKeys keys{.id = config.get<std::string>("models.s3_access_key_id"),
                    .secret = config.get<std::string>("models.s3_secret_access_key"),
                    .session_token = config.get<std::string>("models.s3_session_token")};
  if (keys.id.empty() && keys.secret.empty()) {
    keys = {variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
            variable("AWS_SESSION_TOKEN")};
  }
  if (keys.id.empty() && keys.secret.empty()) return std::nullopt;
  if (!keys.id.empty() && !keys.secret.empty()) return keys;
  return fail(Errc::invalid_argument,
              "Of the two keys of S3 only one is set: set both AWS_ACCESS_KEY_ID and "
              "AWS_SECRET_ACCESS_KEY, or both models.s3_access_key_id and "
              "models.s3_secret_access_key.");
}

}  // namespace

Result<HubAccess> hugging_face_access(const Config& config) {
  HubAccess access;
  access.endpoint = config.get<std::string>("models.hf_endpoint");
  const std::string other = variable("HF_ENDPOINT");
  if (config.origin("models.hf_endpoint") == ConfigOrigin::default_value && !other.empty()) {
    access.endpoint = other;
  }
  access.endpoint = without_slash(std::move(access.endpoint));
  access.token = setting_or(config, "models.hf_token", {"HF_TOKEN"});
  ACCEL_TRY(const net::Url url, net::parse_url(access.endpoint));
  if (access.token.empty() || is_hidden_on_the_way(url)) return access;
  return fail(Errc::invalid_argument,
              "The hub {} is asked without encryption, which would show the token to the network; "
              "use https, or take the token away.",
              access.endpoint);
}

HubAccess ollama_access(const Config& config) {
  return {without_slash(config.get<std::string>("models.ollama_registry")), {}, {}};
}

// Without encryption keys may sign: the secret itself is not sent.
Result<HubAccess> s3_access(const Config& config) {
  hub::S3Access s3;
  s3.endpoint = without_slash(
      setting_or(config, "models.s3_endpoint", {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"}));
  const std::string region =
      setting_or(config, "models.s3_region", {"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (!region.empty()) s3.region = region;
  ACCEL_CHECK(hub::check_s3_region(s3.region));
  ACCEL_TRY(s3.keys, s3_keys(config));
  HubAccess access{s3.endpoint, {}, s3};
  if (s3.endpoint.empty()) return access;
  ACCEL_TRY(const net::Url url, net::parse_url(s3.endpoint));
  if (url.scheme == "unix" || !url.query.empty()) {
    return fail(Errc::invalid_argument, "{} is no endpoint of S3: it has a query, or is a socket.",
                s3.endpoint);
  }
  if (!s3.keys || s3.keys->session_token.empty() || is_hidden_on_the_way(url)) return access;
  return fail(Errc::invalid_argument,
              "The endpoint {} is asked without encryption, which would show the session's token "
              "to the network; use https, or keys without one.",
              s3.endpoint);
}

}  // namespace accel::node
