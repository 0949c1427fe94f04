// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/bpe.hpp"

#include <algorithm>
#include <functional>
#include <limits>

#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

constexpr char32_t kSmallCharacters = 0x180;         // The bytes' characters are below.
constexpr std::string_view kSpace = "\xE2\x96\x81";  // U+2581, SentencePiece's space.
// Up to so many symbols, looking at all of them for the lowest rank is quicker than a heap.
constexpr std::size_t kShortWord = 48;

std::uint64_t queued(std::uint32_t rank, std::size_t place) {
  return std::uint64_t{rank} << 32U | static_cast<std::uint32_t>(place);
}

}  // namespace

Result<Bpe> Bpe::make(Parts parts, std::string_view what) {
  std::optional<std::int32_t> unknown_id;
  if (!parts.unknown_token.empty()) {
    unknown_id = parts.vocabulary.find(parts.unknown_token);
    if (!unknown_id) {
      return fail(Errc::corrupt, "{}: the vocabulary lacks its unknown token {}.", what,
                  parts.unknown_token);
    }
  }
  return Bpe(std::move(parts), unknown_id);
}

Bpe::Bpe(Parts parts, std::optional<std::int32_t> unknown_id)
    : parts_(std::move(parts)),
      unknown_id_(unknown_id),
      known_(std::make_unique<std::atomic<Known>[]>(parts_.vocabulary.entries())) {
  std::string text;
  for (char32_t c = 0; c < kSmallCharacters; ++c) {
    text.clear();
    append_utf8(c, text);
    small_characters_.push_back(parts_.vocabulary.find(text).value_or(-1));
  }
  if (parts_.byte_fallback) find_bytes();
  parts_at_space_ = parts_.word_suffix.empty() && !parts_.ignore_merges && find_joined();
}

void Bpe::find_bytes() {
  for (unsigned byte = 0; byte < 256; ++byte) {
    byte_ids_.push_back(parts_.vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
  }
}

// Finds the characters that some token has in front of a space. False: they are many, or tokens
// that stand for other characters have spaces behind them.
bool Bpe::find_joined() {
  constexpr std::size_t kMany = 16;
  if (!parts_.vocabulary.find(kSpace)) return false;
  bool few = true;
  parts_.vocabulary.each([&](std::string_view token, std::int32_t) {
    for (std::size_t at = token.find(kSpace); few && at != std::string_view::npos;
         at = token.find(kSpace, at + kSpace.size())) {
      const std::string_view before = token.substr(0, at);
      if (before.empty() || before.ends_with(kSpace)) continue;
      few = !before.starts_with("<0x") && joined_.size() < kMany &&
            (parts_.unknown_token.empty() || !before.starts_with(parts_.unknown_token));
      const char32_t c = code_point_before(before, before.size());
      if (std::ranges::find(joined_, c) == joined_.end()) joined_.push_back(c);
    }
  });
  return few;
}

void Bpe::tokenize(std::string_view word, std::size_t limit, Scratch& scratch,
                   std::vector<std::int32_t>& ids) const {
  if (!parts_at_space_) return tokenize_part(word, scratch, ids);
  const auto joins = [&](std::size_t at) {
    return std::ranges::find(joined_, code_point_before(word, at)) != joined_.end();
  };
  for (std::size_t at = 0; at < word.size() && ids.size() <= limit;) {
    std::size_t end = at;
    do {
      while (word.substr(end).starts_with(kSpace)) end += kSpace.size();
      end = std::min(word.find(kSpace, end), word.size());
    } while (end < word.size() && joins(end));
    tokenize_part(word.substr(at, end - at), scratch, ids);
    at = end;
  }
}

void Bpe::tokenize_part(std::string_view part, Scratch& scratch,
                        std::vector<std::int32_t>& ids) const {
  if (part.empty()) return;
  std::string_view whole = part;
  if (!parts_.word_suffix.empty() && !parts_.ignore_merges) {
    scratch.text.assign(part).append(parts_.word_suffix);
    whole = scratch.text;
  }
  const auto place = parts_.vocabulary.locate(whole);
  const Known known =
      place ? known_[place->index].load(std::memory_order_relaxed) : Known::in_parts;
  if (place && (parts_.ignore_merges || known == Known::whole)) {
    ids.push_back(place->id);
    return;
  }
  add_symbols(part, scratch);
  if (scratch.symbols.size() > 1) {
    scratch.symbols.size() <= kShortWord ? merge_short(scratch) : merge_long(scratch);
  }
  const std::size_t first = ids.size();
  for (std::int32_t at = scratch.symbols.empty() ? -1 : 0; at >= 0;) {
    const Scratch::Symbol& symbol = scratch.symbols[static_cast<std::size_t>(at)];
    ids.push_back(symbol.id);
    at = symbol.next;
  }
  if (!place || known != Known::not_yet) return;
  const bool itself = ids.size() == first + 1 && ids.back() == place->id;
  known_[place->index].store(itself ? Known::whole : Known::in_parts, std::memory_order_relaxed);
}

bool Bpe::add_bytes(std::string_view character, std::vector<Scratch::Symbol>& symbols) const {
  const auto id_of = [this](char c) { return byte_ids_[static_cast<unsigned char>(c)]; };
  if (std::any_of(character.begin(), character.end(), [&](char c) { return id_of(c) < 0; })) {
    return false;
  }
  for (const char c : character) symbols.push_back({id_of(c), 0, 0});
  return true;
}

// The characters as symbols, each with its neighbours.
void Bpe::add_symbols(std::string_view part, Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  symbols.clear();
  std::size_t unknown = 0;  // Characters without a token that are not written yet.
  const auto write_unknown = [&] {
    if (unknown > 0) symbols.push_back({*unknown_id_, 0, 0});
    unknown = 0;
  };
  for (std::size_t at = 0; at < part.size();) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(part, at);
    std::string_view character = part.substr(begin, at - begin);
    std::optional<std::int32_t> id;
    if (at == part.size() && !parts_.word_suffix.empty()) {
      scratch.text.assign(character).append(parts_.word_suffix);
      character = scratch.text;
      id = parts_.vocabulary.find(character);
    } else if (c < kSmallCharacters) {
      if (small_characters_[c] >= 0) id = small_characters_[c];
    } else {
      id = parts_.vocabulary.find(character);
    }
    if (id) {
      write_unknown();
      symbols.push_back({*id, 0, 0});
    } else if (parts_.byte_fallback && add_bytes(character, symbols)) {
      continue;  // An unknown one before it is written behind it: so does tokenizers.
    } else if (unknown_id_) {
      if (!parts_.fuse_unknown) write_unknown();
      ++unknown;
    }
  }
  write_unknown();
  const auto count = static_cast<std::int32_t>(symbols.size());
  for (std::int32_t i = 0; i < count; ++i) {
    symbols[static_cast<std::size_t>(i)].previous = i - 1;
    symbols[static_cast<std::size_t>(i)].next = i + 1 < count ? i + 1 : -1;
  }
}

// Merges in place, looking at all pairs for the lowest rank, leftmost first.
void Bpe::merge_short(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& ranks = scratch.ranks;
  std::size_t count = symbols.size();
  ranks.assign(count, Merges::kNone);
  const auto rank_at = [&](std::size_t i) {
    return parts_.merges.find(symbols[i].id, symbols[i + 1].id).rank;
  };
  for (std::size_t i = 0; i + 1 < count; ++i) ranks[i] = rank_at(i);
  while (count > 1) {
    const auto lowest =
        std::min_element(ranks.begin(), ranks.begin() + static_cast<std::ptrdiff_t>(count - 1));
    if (*lowest == Merges::kNone) break;
    const auto i = static_cast<std::size_t>(lowest - ranks.begin());
    symbols[i].id = parts_.merges.find(symbols[i].id, symbols[i + 1].id).id;
    for (std::size_t k = i + 1; k + 1 < count; ++k) {
      symbols[k].id = symbols[k + 1].id;
      ranks[k] = ranks[k + 1];
    }
    --count;
    ranks[i] = i + 1 < count ? rank_at(i) : Merges::kNone;
    if (i > 0) ranks[i - 1] = rank_at(i - 1);
  }
  symbols.resize(count);
  symbols.back().next = -1;
}

// The same over a linked list and a heap of the pairs that may merge.
void Bpe::merge_long(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  auto& queue = scratch.queue;
  const auto at = [&](std::int32_t i) -> Scratch::Symbol& {
    return symbols[static_cast<std::size_t>(i)];
  };
  const auto merge_at = [&](std::int32_t i) {
    return at(i).next < 0 ? Merges::Merge{} : parts_.merges.find(at(i).id, at(at(i).next).id);
  };
  queue.clear();
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
    const std::uint32_t rank = parts_.merges.find(symbols[i].id, symbols[i + 1].id).rank;
    if (rank != Merges::kNone) queue.push_back(queued(rank, i));
  }
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  const auto push = [&](std::int32_t i) {
    const std::uint32_t rank = merge_at(i).rank;
    if (rank == Merges::kNone) return;
    queue.push_back(queued(rank, static_cast<std::size_t>(i)));
    std::push_heap(queue.begin(), queue.end(), std::greater<>());
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const std::uint64_t top = queue.back();
    queue.pop_back();
    const auto i = static_cast<std::int32_t>(top & 0xFFFFFFFFU);
    if (at(i).id < 0) continue;  // Merged into another since.
    const Merges::Merge merge = merge_at(i);
    if (merge.rank != top >> 32U) continue;  // The pair has changed since.
    const std::int32_t right = at(i).next;
    at(i).id = merge.id;
    at(i).next = at(right).next;
    at(right).id = -1;
    if (at(i).next >= 0) at(at(i).next).previous = i;
    if (at(i).previous >= 0) push(at(i).previous);
    push(i);
  }
}

}  // namespace accel::models
