// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/merges.hpp"

#include <bit>

namespace accel::models {
namespace {

// As for Vocabulary: a longer run was made on purpose.
constexpr std::size_t kMaxProbes = 512;

constexpr std::size_t kShown = 100;  // Bytes of a token in a message.

struct Halves {
  std::string left;
  std::string right;
};

// One element: "a b" or ["a", "b"]. False: it is neither, or the scanner has failed.
bool read_halves(JsonScanner& scanner, Halves& halves) {
  std::string_view text;
  if (scanner.peek() != '[') {
    if (!scanner.read_string(text)) return false;
    const std::size_t space = text.find(' ');
    if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos) {
      return false;
    }
    halves.left = text.substr(0, space);
    halves.right = text.substr(space + 1);
    return true;
  }
  if (!scanner.begin_array() || !scanner.next_element() || !scanner.read_string(text)) return false;
  halves.left = text;
  if (!scanner.next_element() || !scanner.read_string(text)) return false;
  halves.right = text;
  return !scanner.next_element();
}

}  // namespace

std::size_t Merges::first_slot(std::uint64_t pair) const {
  const std::uint64_t hash = pair * 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
  return static_cast<std::size_t>(hash ^ hash >> 32U) & (slots_.size() - 1);
}

Result<Merges> Merges::read(std::string_view json, const Vocabulary& vocabulary,
                            std::string_view what) {
  std::vector<Entry> entries;
  entries.reserve(vocabulary.size());
  JsonScanner scanner(json);
  Halves halves;
  std::string whole;
  bool more = scanner.begin_array();
  while (more && scanner.next_element()) {
    more = read_halves(scanner, halves);
    if (!more || halves.left.starts_with("#version")) continue;
    if (entries.size() == kMaxMerges) {
      return fail(Errc::resource_exhausted, "{} has more than {} merges.", what, kMaxMerges);
    }
    whole = halves.left + halves.right;
    const auto left = vocabulary.find(halves.left);
    const auto right = vocabulary.find(halves.right);
    const auto merged = vocabulary.find(whole);
    if (!left || !right || !merged) {
      return fail(Errc::corrupt, "{}: the vocabulary lacks a part of the merge of {} and {}.", what,
                  halves.left.substr(0, kShown), halves.right.substr(0, kShown));
    }
    entries.push_back(
        {pair_of(*left, *right), {static_cast<std::uint32_t>(entries.size()), *merged}});
  }
  ACCEL_CHECK(scanner.status(what));
  if (!more) return fail(Errc::corrupt, "{}: a merge is no pair of tokens.", what);
  Merges merges;
  merges.slots_.resize(std::bit_ceil(entries.size() * 3 / 2 + 2));
  for (const Entry& entry : entries) {
    if (!merges.insert(entry)) {
      return fail(Errc::resource_exhausted,
                  "{}: the merges collide in the hash table more than chance allows.", what);
    }
  }
  return merges;
}

bool Merges::insert(const Entry& entry) {
  std::size_t at = first_slot(entry.pair);
  for (std::size_t probe = 0; probe < kMaxProbes; ++probe) {
    Slot& slot = slots_[at];
    if (slot.merge.rank == kNone || slot.pair == entry.pair) {
      slot = {entry.pair, entry.merge};
      return true;
    }
    at = (at + 1) & (slots_.size() - 1);
  }
  return false;
}

Merges::Merge Merges::find(std::int32_t left, std::int32_t right) const {
  const std::uint64_t pair = pair_of(left, right);
  for (std::size_t at = first_slot(pair); slots_[at].merge.rank != kNone;
       at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].pair == pair) return slots_[at].merge;
  }
  return {};
}

}  // namespace accel::models
