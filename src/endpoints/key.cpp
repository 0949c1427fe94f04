// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "accel/core/file.hpp"
#include "accel/endpoints/endpoint.hpp"
#include "accel/net/headers.hpp"

namespace accel::endpoints {
namespace {

constexpr std::size_t kMaxKeyBytes = 8192;
constexpr unsigned kOthers = 077;

// The same descriptor is checked and read: the file can't become another one in between.
Result<std::string> key_in_file(const Endpoint& endpoint) {
  const auto file = open_file(endpoint.key_file, O_RDONLY | O_NONBLOCK);
  if (!file) {
    return fail(Error{Errc::unauthenticated,
                      fmt::format("The key file {} of the endpoint {} can't be read.",
                                  endpoint.key_file, endpoint.name),
                      file.error().to_string()});
  }
  struct stat facts{};
  if (::fstat(file->get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 1 ||
      static_cast<std::size_t>(facts.st_size) > kMaxKeyBytes) {
    return fail(Errc::invalid_argument,
                "The key file {} must be a file of 1 to {} bytes with the key in it.",
                endpoint.key_file, kMaxKeyBytes);
  }
  if ((facts.st_mode & kOthers) != 0) {
    return fail(Errc::permission_denied,
                "Others may read the key file {}: `chmod 600` it, and it is used.",
                endpoint.key_file);
  }
  Bytes bytes(static_cast<std::size_t>(facts.st_size));
  ACCEL_CHECK(pread_all(file->get(), bytes, 0));
  return std::string(as_text(bytes));
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
