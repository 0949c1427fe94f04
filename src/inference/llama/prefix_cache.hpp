// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which tokens the free slots of a context still hold, so that a prompt of the same scope that
// begins alike goes on from there: nobody can tell what another scope has asked. Pure; used by
// SlotPlanner.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/inference/llama.hpp"

namespace accel::inference::llama {

std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b);

class PrefixCache {
 public:
  struct Match {
    std::size_t slot = 0;
    std::size_t length = 0;  // Of the prefix that both have.
    std::size_t held = 0;    // Tokens of the slot.
  };
  // The longest one of the scope; of equal ones that which was used last.
  std::optional<Match> best(std::span<const TokenId> prompt, std::string_view scope) const;

  void keep(std::size_t slot, std::vector<TokenId> tokens, std::string scope);
  void drop(std::size_t slot);
  bool holds(std::size_t slot) const { return kept_.contains(slot); }
  std::size_t tokens() const { return tokens_; }  // Of all.
  // The slot that was not used for longest.
  std::optional<std::size_t> oldest() const;
  // All, the oldest first.
  std::vector<std::size_t> slots() const;

 private:
  struct Kept {
    std::vector<TokenId> tokens;
    std::string scope;
    std::uint64_t used = 0;
  };
  std::map<std::size_t, Kept> kept_;  // By slot.
  std::size_t tokens_ = 0;
  std::uint64_t uses_ = 0;
};

}  // namespace accel::inference::llama
