// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON that came from outside. The parser itself takes any depth, but copying, comparing and
// writing a value recurse: depth is bounded before there is a value, and so is their number, for
// each takes many times the bytes that it is written in. Whoever includes this links nlohmann_json.
// Pure.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel {

inline constexpr std::size_t kMaxJsonDepth = 64;
// A value takes 16 bytes: numbers of a tensor 128 MB at most. A list, an object or a member takes
// about 100 more, "[]," being three bytes in a text.
inline constexpr std::size_t kMaxJsonValues = 8'000'000;
inline constexpr std::size_t kMaxJsonParts = 1'000'000;

struct JsonLimits {
  std::size_t depth = kMaxJsonDepth;
  std::size_t values = kMaxJsonValues;
  std::size_t parts = kMaxJsonParts;  // Lists, objects and members together.
};

// `what` begins the sentence of an error: "The body". Errors: invalid_argument (no JSON in UTF-8,
// or beyond a limit).
Result<nlohmann::json> parse_bounded_json(std::string_view text, std::string_view what,
                                          const JsonLimits& limits = {});

// nlohmann::ordered_json looks through all members of an object for each that it adds: whether
// reading `text` in order stays a matter of milliseconds. Errors: invalid_argument.
Status check_ordered_json(std::string_view text, std::string_view what);

}  // namespace accel
