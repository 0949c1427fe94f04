// SPDX-License-Identifier: Apache-2.0
#include "accel/security/api_key.hpp"

#include <algorithm>
#include <charconv>

namespace accel::security {
namespace {

constexpr std::string_view kPrefix = "ak_";
constexpr std::size_t kIdBytes = 6;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kIdLength = kPrefix.size() + 2 * kIdBytes;
constexpr std::size_t kKeyLength = kIdLength + 1 + 2 * kSecretBytes;

bool is_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

Status check_api_key(const ApiKey& key) {
  if (key.label.size() > kMaxLabelBytes || has_control(key.label)) {
    return fail(Errc::invalid_argument,
                "The label of a key has at most {} bytes and no control characters.",
                kMaxLabelBytes);
  }
  if (key.role == Role::stranger) return fail(Errc::invalid_argument, "A key has a role.");
  if (key.models.size() > kMaxKeyModels) {
    return fail(Errc::invalid_argument, "A key names {} models at most; {} came.", kMaxKeyModels,
                key.models.size());
  }
  for (const std::string& model : key.models) {
    if (model.empty() || model.size() > kMaxModelNameBytes || has_control(model)) {
      return fail(Errc::invalid_argument, "The name of a model has 1 to {} bytes.",
                  kMaxModelNameBytes);
    }
  }
  if (key.limits.priority > 3)
    return fail(Errc::invalid_argument,
                "The priority of a key is 1 (high), 2 (normal) or 3 (low): the best that it may "
                "ask for.");
  if (key.models.empty() || key.role == Role::inference) return {};
  return fail(Errc::invalid_argument,
              "Only a key of the role inference can be held to models: an "
              "operator manages all of "
              "them, and a reader runs none.");
}

Result<NewKey> make_api_key(ApiKey wanted, WallTime now, Random& random) {
  ACCEL_CHECK(check_api_key(wanted));
  if (wanted.expires && *wanted.expires <= now)
    return fail(Errc::invalid_argument, "The key would end before it begins.");
  NewKey made{std::move(wanted), {}};
  made.key.id = std::string(kPrefix) + random_hex(random, kIdBytes);
  made.key.created = std::chrono::floor<std::chrono::milliseconds>(now);
  made.secret = made.key.id + "_" + random_hex(random, kSecretBytes);
  made.key.hash = crypto::sha256(as_bytes(made.secret));
  return made;
}

std::optional<std::string_view> id_of_key(std::string_view presented) {
  if (presented.size() != kKeyLength || !presented.starts_with(kPrefix)) return std::nullopt;
  const std::string_view id = presented.substr(0, kIdLength);
  const bool good = is_hex(id.substr(kPrefix.size())) && presented[kIdLength] == '_' &&
                    is_hex(presented.substr(kIdLength + 1));
  return good ? std::optional(id) : std::nullopt;
}

bool equal_digests(const crypto::Sha256Digest& a, const crypto::Sha256Digest& b) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= unsigned{a[i]} ^ unsigned { b[i] };
  return difference == 0;
}

Result<WallTime> parse_time(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = -1;
    if (at + count > text.size()) return -1;
    const char* const end = text.data() + at + count;
    const auto read = std::from_chars(text.data() + at, end, value);
    return read.ec == std::errc() && read.ptr == end ? value : -1;
  };
  const bool form = (text.size() == 20 || (text.size() == 24 && text[19] == '.')) &&
                    text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' &&
                    text[16] == ':' && text.back() == 'Z';
  const int milliseconds = form && text.size() == 24 ? number(20, 3) : 0;
  const int year = form ? number(0, 4) : -1;
  using namespace std::chrono;
  // WallTime counts nanoseconds in 64 bits: it ends in 2262.
  const bool in_range = year >= 1970 && year < 2262 && milliseconds >= 0 && number(11, 2) >= 0 &&
                        number(11, 2) < 24 && number(14, 2) >= 0 && number(14, 2) < 60 &&
                        number(17, 2) >= 0 && number(17, 2) < 60;
  const year_month_day date{std::chrono::year{year},
                            month{static_cast<unsigned>(std::max(0, form ? number(5, 2) : 0))},
                            day{static_cast<unsigned>(std::max(0, form ? number(8, 2) : 0))}};
  if (!in_range || !date.ok()) {
    return fail(Errc::invalid_argument,
                "A time is written as 2026-11-21T10:40:00Z, in UTC, not as \"{}\".",
                text.substr(0, 40));
  }
  return WallTime(sys_days(date) + hours(number(11, 2)) + minutes(number(14, 2)) +
                  seconds(number(17, 2)) + std::chrono::milliseconds(milliseconds));
}

}  // namespace accel::security
