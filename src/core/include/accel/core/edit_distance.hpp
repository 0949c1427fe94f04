// SPDX-License-Identifier: Apache-2.0
#pragma once
// How far two words are apart, for "did you mean": Levenshtein's distance in bytes, two rows of
// memory. Takes the product of both lengths in time. Used by config keys and the command line.

#include <cstddef>
#include <string_view>

namespace accel {

std::size_t edit_distance(std::string_view left, std::string_view right);

}  // namespace accel
