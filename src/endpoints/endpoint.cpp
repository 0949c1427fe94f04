// SPDX-License-Identifier: Apache-2.0
#include "accel/endpoints/endpoint.hpp"

#include <algorithm>
#include <set>

#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::size_t kMaxModelBytes = 256;
constexpr std::size_t kMaxPathBytes = 4096;
constexpr std::int64_t kMaxPerMinute = 1'000'000;
constexpr std::int64_t kMinTimeoutMs = 100, kMaxTimeoutMs = 3'600'000;
constexpr double kMaxPrice = 1e6;
constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

template <class... Args>
tl::unexpected<Error> refused(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Errc::invalid_argument, format, std::forward<Args>(args)...);
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7F;
  });
}

Status check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxNameBytes &&
                    name.find_first_not_of(kLetters) == name.npos;
  if (good) return {};
  return refused("An endpoint's name has 1 to {} letters, digits, '.', '_' and '-'.",
                 kMaxNameBytes);
}

Status check_key_env(std::string_view name) {
  constexpr std::string_view kVariable =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  const bool good = name.find_first_not_of(kVariable) == name.npos && name.size() <= kMaxNameBytes;
  if (good) return {};
  return refused(
      "--key-env is the name of an environment variable that holds the key, not the key.");
}

Result<net::Url> base_of(const EndpointWords& words, const Preset& preset, const WireRules& rules) {
  const std::string text = words.url.empty() ? std::string(preset.url) : words.url;
  if (text.empty()) return refused("An endpoint of kind {} needs --url.", preset.name);
  ACCEL_TRY(net::Url url, net::parse_url(text));
  // A key in a URL would be shown, logged and sent in the clear.
  if (!url.query.empty())
    return refused("An endpoint's URL has no query; a key is named by --key-env or --key-file.");
  while (url.path.ends_with('/')) url.path.pop_back();
  const bool own_path = preset.url.ends_with("/v3");  // OpenVINO's server alone has it there.
  if (url.path.empty()) url.path = own_path ? "/v3" : std::string(rules.default_path);
  if (url.path.empty()) url.path = "/";
  return url;
}

constexpr std::string_view kAny = "*";

Result<std::vector<ServedModel>> models_of(const std::vector<std::string>& words) {
  if (words.size() > kMaxServedModels)
    return refused("An endpoint may name {} models at most.", kMaxServedModels);
  std::vector<ServedModel> models;
  std::set<std::string> seen;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    ServedModel model{word.substr(0, equals), word.substr(equals == word.npos ? 0 : equals + 1)};
    const bool good = !model.name.empty() && !model.remote.empty() &&
                      word.size() <= kMaxModelBytes && is_printable(word);
    if (!good)
      return refused("--model is NAME or NAME=REMOTE, of {} bytes at most.", kMaxModelBytes);
    if (model.name == kAny && model.remote != kAny)
      return refused("--model '*' (any name) has no other name at the server.");
    if (!seen.insert(model.name).second) return refused("The model {} is named twice.", model.name);
    models.push_back(std::move(model));
  }
  return models;
}

Result<std::int64_t> in_range(std::optional<std::int64_t> value, std::int64_t otherwise,
                              std::int64_t min, std::int64_t max, std::string_view name) {
  if (!value) return otherwise;
  if (*value >= min && *value <= max) return *value;
  return refused("{} must be between {} and {}.", name, min, max);
}

Status check_price(std::optional<double> price) {
  if (!price || (*price >= 0 && *price <= kMaxPrice)) return {};
  return refused("A price is a number from 0 to {:.0f}, for a million tokens.", kMaxPrice);
}

Status put_numbers(const EndpointWords& words, Endpoint& endpoint) {
  ACCEL_TRY(const auto concurrent,
            in_range(words.max_concurrent, static_cast<std::int64_t>(endpoint.max_concurrent), 1,
                     static_cast<std::int64_t>(kMaxConcurrent), "--max-concurrent"));
  ACCEL_TRY(const auto rate,
            in_range(words.requests_per_minute, 0, 0, kMaxPerMinute, "--requests-per-minute"));
  const auto usual = std::chrono::duration_cast<std::chrono::milliseconds>(endpoint.timeout);
  ACCEL_TRY(const auto timeout, in_range(words.timeout_ms, usual.count(), kMinTimeoutMs,
                                         kMaxTimeoutMs, "--timeout in milliseconds"));
  ACCEL_CHECK(check_price(words.price_input));
  ACCEL_CHECK(check_price(words.price_output));
  endpoint.max_concurrent = static_cast<std::size_t>(concurrent);
  endpoint.requests_per_minute = static_cast<std::uint32_t>(rate);
  endpoint.timeout = std::chrono::milliseconds(timeout);
  endpoint.price_input = words.price_input;
  endpoint.price_output = words.price_output;
  return {};
}

Status put_key(const EndpointWords& words, const Preset& preset, Endpoint& endpoint) {
  ACCEL_CHECK(check_key_env(words.key_env));
  if (!words.key_env.empty() && !words.key_file.empty())
    return refused("Give --key-env or --key-file, not both.");
  const bool absolute = words.key_file.starts_with('/');
  if (!words.key_file.empty() && (!absolute || words.key_file.size() > kMaxPathBytes))
    return refused("--key-file must be an absolute path.");
  endpoint.key_file = words.key_file;
  endpoint.key_env = words.key_env;
  // The preset's variable belongs to the preset's server: another address does not get its key.
  if (!endpoint.wants_key() && words.url.empty()) endpoint.key_env = preset.key_env;
  if (endpoint.wants_key() && endpoint.url.scheme == "http" && !endpoint.on_this_machine())
    return refused("A key goes to another machine over https alone, and {} is plain HTTP.",
                   endpoint.url.origin());
  return {};
}

std::string known_kinds() {
  std::string names;
  for (const Preset& preset : presets()) {
    if (!names.empty()) names += ", ";
    names += preset.name;
  }
  return names;
}

}  // namespace

bool Endpoint::on_this_machine() const {
  if (url.scheme == "unix" || url.host == "localhost" || url.host == "::1") return true;
  // A name such as 127.example.com is none of these addresses.
  return url.host.starts_with("127.") &&
         url.host.find_first_not_of("0123456789.") == std::string::npos;
}

bool Endpoint::lists(std::string_view model) const {
  return model != kAny && std::ranges::find(models, model, &ServedModel::name) != models.end();
}

bool Endpoint::takes_any() const {
  return std::ranges::find(models, kAny, &ServedModel::name) != models.end();
}

std::optional<std::string> Endpoint::remote_name(std::string_view model) const {
  const auto found = std::ranges::find(models, model, &ServedModel::name);
  if (found != models.end()) return found->remote;
  return models.empty() || takes_any() ? std::optional(std::string(model)) : std::nullopt;
}

Result<Endpoint> make_endpoint(const EndpointWords& words) {
  ACCEL_CHECK(check_name(words.name));
  const Preset* const preset = find_preset(words.kind);
  if (preset == nullptr)
    return refused("There is no kind \"{}\" of endpoint; there are {}.",
                   words.kind.substr(0, kMaxNameBytes), known_kinds());
  Endpoint endpoint;
  endpoint.name = words.name;
  endpoint.kind = words.kind;
  endpoint.wire = preset->wire;
  ACCEL_TRY(endpoint.url, base_of(words, *preset, rules_of(preset->wire)));
  ACCEL_CHECK(put_key(words, *preset, endpoint));
  ACCEL_TRY(endpoint.models, models_of(words.models));
  ACCEL_CHECK(put_numbers(words, endpoint));
  return endpoint;
}

}  // namespace accel::endpoints
