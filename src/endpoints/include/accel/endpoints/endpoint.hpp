// SPDX-License-Identifier: Apache-2.0
#pragma once
// An endpoint as the user configured it: which protocol, where, which models, where its key lies,
// what it costs, how much it may be asked. Used by node, which keeps the list, and the multiplexer.
// Never holds a key itself: only the name of an environment variable or a file. Plain values.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/net/url.hpp"

namespace accel::endpoints {

enum class Wire { openai, oip, ollama, anthropic, gemini, tei };
std::string_view wire_name(Wire wire);

// A known name: a wire kind, where such a server listens when nothing else is said, and the
// variable that its key is expected in ("": it wants none).
struct Preset {
  std::string_view name;
  Wire wire;
  std::string_view url;
  std::string_view key_env;
};
std::span<const Preset> presets();
const Preset* find_preset(std::string_view name);  // Null when there is none.

struct ServedModel {
  std::string name;    // As requests name it.
  std::string remote;  // As the server does.
};

struct Endpoint {
  std::string name;
  std::string kind;  // The preset.
  Wire wire = Wire::openai;
  net::Url url;  // The base: what the protocol adds is appended to its path.
  std::string key_env, key_file;
  std::vector<ServedModel> models;  // Empty: what is asked of this endpoint by its name.
  std::size_t max_concurrent = 8;
  std::uint32_t requests_per_minute = 0;            // 0: no limit.
  std::optional<double> price_input, price_output;  // Of a million tokens, in any one currency.
  Duration timeout = std::chrono::seconds(120);     // No byte of an answer for so long.

  bool wants_key() const { return !key_env.empty() || !key_file.empty(); }
  // 127.0.0.0/8, ::1, localhost, a Unix socket. A server there may well speak to others: that is
  // its user's choice, as it is with any program on this machine.
  bool on_this_machine() const;
  bool lists(std::string_view model) const;
  // Whether models that nobody lists go to it unasked: it was given the model "*".
  bool takes_any() const;
  // The server's name of a model that is asked of this endpoint; nothing when it is not served.
  std::optional<std::string> remote_name(std::string_view model) const;
};

inline constexpr std::size_t kMaxEndpoints = 64;
inline constexpr std::size_t kMaxServedModels = 256;
inline constexpr std::size_t kMaxConcurrent = 1024;

// What a user says; the preset fills in the rest.
struct EndpointWords {
  std::string name, kind, url, key_env, key_file;
  std::vector<std::string> models;  // "NAME" or "NAME=REMOTE".
  std::optional<std::int64_t> max_concurrent, requests_per_minute, timeout_ms;
  std::optional<double> price_input, price_output;
};

// Errors: invalid_argument (a name that is not letters, digits, '.', '_', '-'; an unknown kind; a
// URL with a query or without a host; a key over plain HTTP to another machine; a number out of
// range).
Result<Endpoint> make_endpoint(const EndpointWords& words);

// The file that node keeps: JSON with format 1. Errors: corrupt (what is wrong, and where),
// unsupported (a newer format).
Result<std::vector<Endpoint>> parse_endpoints(std::string_view json);
std::string print_endpoints(std::span<const Endpoint> endpoints);

// The key of an endpoint, empty when it wants none; read anew for each request. Errors:
// unauthenticated (the variable is not set, the file is missing), permission_denied (others may
// read the file), invalid_argument (no printable text of one line).
Result<std::string> read_key(const Endpoint& endpoint);

}  // namespace accel::endpoints
