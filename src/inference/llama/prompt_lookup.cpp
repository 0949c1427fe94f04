// SPDX-License-Identifier: Apache-2.0
#include "llama/prompt_lookup.hpp"

#include <algorithm>

namespace accel::inference::llama {

std::vector<TokenId> look_up(std::span<const TokenId> tokens, std::size_t most) {
  for (std::size_t size = kLongestLookup; size >= kShortestLookup; --size) {
    if (tokens.size() <= size) continue;
    const auto end = tokens.last(size);
    const auto before = tokens.first(tokens.size() - 1);
    const auto found = std::ranges::find_end(before, end);
    if (found.empty()) continue;
    const auto follows = std::span(found.end(), tokens.end());
    const auto drafts = follows.first(std::min(most, follows.size()));
    return {drafts.begin(), drafts.end()};
  }
  return {};
}

}  // namespace accel::inference::llama
