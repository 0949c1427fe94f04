// SPDX-License-Identifier: Apache-2.0
#include "llama/prefix_cache.hpp"

#include <algorithm>
#include <utility>

namespace accel::inference::llama {

std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t length = 0;
  while (length < most && a[length] == b[length]) ++length;
  return length;
}

std::optional<PrefixCache::Match> PrefixCache::best(std::span<const TokenId> prompt,
                                                    std::string_view scope) const {
  std::optional<Match> best;
  std::uint64_t used = 0;
  for (const auto& [slot, kept] : kept_) {
    if (kept.scope != scope) continue;
    const std::size_t length = common_prefix(kept.tokens, prompt);
    const bool better = !best || length > best->length;
    if (!better && (length < best->length || kept.used < used)) continue;
    best = Match{slot, length, kept.tokens.size()};
    used = kept.used;
  }
  return best;
}

void PrefixCache::keep(std::size_t slot, std::vector<TokenId> tokens, std::string scope) {
  drop(slot);
  tokens_ += tokens.size();
  kept_[slot] = {std::move(tokens), std::move(scope), ++uses_};
}

void PrefixCache::drop(std::size_t slot) {
  const auto found = kept_.find(slot);
  if (found == kept_.end()) return;
  tokens_ -= found->second.tokens.size();
  kept_.erase(found);
}

std::optional<std::size_t> PrefixCache::oldest() const {
  const auto found =
      std::ranges::min_element(kept_, {}, [](const auto& entry) { return entry.second.used; });
  if (found == kept_.end()) return std::nullopt;
  return found->first;
}

std::vector<std::size_t> PrefixCache::slots() const {
  std::vector<std::size_t> slots;
  for (const auto& [slot, kept] : kept_) slots.push_back(slot);
  std::ranges::sort(slots, {}, [this](std::size_t slot) { return kept_.at(slot).used; });
  return slots;
}

}  // namespace accel::inference::llama
