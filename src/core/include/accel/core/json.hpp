// SPDX-License-Identifier: Apache-2.0
#pragma once
// JSON that came from outside. The parser itself takes any depth, but copying, comparing and
// writing a value recurse: depth is bounded before there is a value. Whoever includes this links
// nlohmann_json. Pure.

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel {

inline constexpr std::size_t kMaxJsonDepth = 64;

// `what` begins the sentence of an error: "The body". Errors: invalid_argument (no JSON in UTF-8,
// or lists and objects deeper than `max_depth`).
Result<nlohmann::json> parse_bounded_json(std::string_view text, std::string_view what,
                                          std::size_t max_depth = kMaxJsonDepth);

// nlohmann::ordered_json looks through all members of an object for each that it adds: whether
// reading `text` in order stays a matter of milliseconds. Errors: invalid_argument.
Status check_ordered_json(std::string_view text, std::string_view what);

}  // namespace accel
