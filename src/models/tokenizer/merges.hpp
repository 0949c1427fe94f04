// SPDX-License-Identifier: Apache-2.0
#pragma once
// The merges of a BPE model: two tokens to the one that they become, and which pair goes first.
// Private to models; immutable, thread-safe.

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "tokenizer/vocabulary.hpp"

namespace accel::models {

constexpr std::size_t kMaxMerges = 8'000'000;

class Merges {
 public:
  struct Merge {
    std::uint32_t rank = kNone;  // The lowest goes first.
    std::int32_t id = 0;         // Of the token that comes of it.
  };
  static constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

  // Reads ["a b", …] or [["a", "b"], …]; of equal pairs the last one counts. Errors: corrupt (no
  // pair, a token that the vocabulary lacks), resource_exhausted (kMaxMerges, or pairs made to
  // collide).
  static Result<Merges> read(std::string_view json, const Vocabulary& vocabulary,
                             std::string_view what);

  // A rank of kNone: the two stay apart.
  Merge find(std::int32_t left, std::int32_t right) const;

 private:
  struct Slot {
    std::uint64_t pair = 0;
    Merge merge;
  };
  struct Entry {
    std::uint64_t pair;
    Merge merge;
  };
  static std::uint64_t pair_of(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32U | static_cast<std::uint32_t>(right);
  }
  std::size_t first_slot(std::uint64_t pair) const;
  bool insert(const Entry& entry);

  std::vector<Slot> slots_;  // A power of two, at most two thirds full.
};

}  // namespace accel::models
