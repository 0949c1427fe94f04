// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>

#include "accel/core/private_file.hpp"
#include "accel/endpoints/endpoint.hpp"
#include "accel/net/headers.hpp"

namespace accel::endpoints {
namespace {

constexpr std::size_t kMaxKeyBytes = 8192;

Result<std::string> key_in_file(const Endpoint& endpoint) {
  const auto bytes = read_private_file(endpoint.key_file, {.max_bytes = kMaxKeyBytes});
  if (bytes) return std::string(as_text(*bytes));
  Error error = bytes.error();
  if (error.code == Errc::not_found) error.code = Errc::unauthenticated;
  error.message =
      fmt::format("The endpoint {} has no key that can be used: {}", endpoint.name, error.message);
  return fail(std::move(error));
}

Result<std::string> key_in_environment(const Endpoint& endpoint) {
  const char* const value = std::getenv(endpoint.key_env.c_str());
  if (value != nullptr && *value != '\0') return std::string(value);
  return fail(Errc::unauthenticated,
              "The endpoint {} takes its key from the environment variable {}, which is not set "
              "where this runs.",
              endpoint.name, endpoint.key_env);
}

}  // namespace

Result<std::string> read_key(const Endpoint& endpoint) {
  if (!endpoint.wants_key()) return std::string();
  ACCEL_TRY(const std::string text,
            endpoint.key_file.empty() ? key_in_environment(endpoint) : key_in_file(endpoint));
  std::string_view key = text;
  while (key.ends_with('\n') || key.ends_with('\r')) key.remove_suffix(1);
  key = net::trim_blanks(key);
  const bool printable = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!key.empty() && key.size() <= kMaxKeyBytes && printable) return std::string(key);
  return fail(Errc::invalid_argument,
              "The key of the endpoint {} must be one line of printable characters.",
              endpoint.name);
}

}  // namespace accel::endpoints
