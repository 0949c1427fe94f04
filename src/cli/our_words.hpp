// SPDX-License-Identifier: Apache-2.0
#pragma once
// Commands of other programs for models, containers and IPFS that fingers know, and what does the
// same here. Pure. Used for the error of a command that there is not.

#include <string_view>

namespace accel::cli {

// `group`: the command in which the word stands ("models"); empty: the program itself. Empty where
// nothing is known.
std::string_view our_words(std::string_view group, std::string_view word);

}  // namespace accel::cli
