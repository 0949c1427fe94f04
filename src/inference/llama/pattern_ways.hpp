// SPDX-License-Identifier: Apache-2.0
#pragma once
// In how many ways a text can be read by a pattern, as llama.cpp's grammars read: for each token it
// tries every way to go on, one after the other, so `(a?){500}` or `.*.*.*.*` would never end.
// Used by schema_check. Pure.

#include <string_view>

#include "accel/core/result.hpp"

namespace accel::inference::llama {

constexpr std::size_t kPatternSteps = 32;          // Characters of a token that are looked at.
constexpr double kMaxPatternWays = 10'000;         // Of so many characters.
constexpr std::size_t kMaxPatternPlaces = 20'000;  // Characters of a pattern, repetitions written
                                                   // out as far as a token reaches.
constexpr std::size_t kMaxPatternPairs = 60'000;   // Of places that may follow each other.

// The most ways from any place on, never too few: what this does not read counts as any character.
// Errors: invalid_argument (beyond a limit; parentheses that don't match).
Result<double> pattern_ways(std::string_view pattern);

}  // namespace accel::inference::llama
