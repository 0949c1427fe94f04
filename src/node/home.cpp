// SPDX-License-Identifier: Apache-2.0
#include "accel/node/home.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "accel/core/file.hpp"
#include "accel/core/private_file.hpp"
#include "accel/core/random.hpp"

namespace accel::node {
namespace {

constexpr std::uint64_t kSmallFileBytes = 4096;
constexpr std::size_t kTokenBytes = 32;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
    text.pop_back();
  }
  return text;
}

}  // namespace

Status Home::check_version() const {
  if (::access(version_file().c_str(), F_OK) != 0) return {};
  ACCEL_TRY(const std::string raw, read_text_file(version_file(), kSmallFileBytes));
  const std::string text = trimmed(raw);
  int version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc{} || end != text.data() + text.size() || version < 1) {
    return fail(
        Errc::corrupt,
        "{} does not hold a version number. Write {} into it if this version made the home.",
        version_file().string(), kHomeVersion);
  }
  if (version > kHomeVersion) {
    return fail(Errc::unsupported,
                "The home {} has format version {}, this program knows up to {}. Nothing was "
                "touched; use a newer ipfs-accelerate, or another --home.",
                root.string(), version, kHomeVersion);
  }
  return {};
}

Result<Home> Home::open(const std::filesystem::path& root) {
  Home home{root};
  ACCEL_CHECK(home.check_version());
  const bool exists = ::access(home.version_file().c_str(), F_OK) == 0;
  if (exists) return home;
  const Status made = make_directories(root);
  if (!made) {
    return fail(Error{made.error().code,
                      fmt::format("The home {} cannot be created. Choose another with --home or "
                                  "IPFS_ACCELERATE_HOME.",
                                  root.string()),
                      made.error().to_string()});
  }
  ACCEL_CHECK(make_directories(home.journal()));
  ACCEL_CHECK(write_file_atomic(home.version_file(), as_bytes(fmt::format("{}\n", kHomeVersion))));
  return home;
}

Result<std::string> Home::token() const {
  const auto text = read_private_file(
      api_token(), {.max_bytes = kSmallFileBytes, .owner_only = false, .of_own_home = true});
  if (!text && text.error().code != Errc::not_found) return fail(Error(text.error()));
  std::string kept = text ? trimmed(std::string(as_text(*text))) : std::string();
  if (kept.size() >= kTokenBytes) return kept;
  const std::string token = random_hex(system_random(), kTokenBytes);
  ACCEL_CHECK(write_file_atomic(api_token(), as_bytes(token + "\n")));
  return token;
}

Result<std::filesystem::path> home_path(const std::string& from_flag) {
  if (!from_flag.empty()) return std::filesystem::absolute(from_flag);
  if (const char* variable = std::getenv("IPFS_ACCELERATE_HOME"); variable && *variable) {
    return std::filesystem::absolute(variable);
  }
  if (const char* user = std::getenv("HOME"); user && *user) {
    return std::filesystem::path(user) / ".ipfs_accelerate";
  }
  return fail(Errc::invalid_argument,
              "Neither --home nor IPFS_ACCELERATE_HOME nor HOME says where the node's home is.");
}

}  // namespace accel::node
