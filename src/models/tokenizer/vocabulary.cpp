// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/vocabulary.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "accel/models/tokenizer.hpp"

namespace accel::models {
namespace {

// A half-full table of well-spread hashes has runs of a few dozen slots even with four million
// tokens; a longer one was made on purpose.
constexpr std::size_t kMaxProbes = 512;
// "a":1, in JSON; what a vocabulary of n bytes has at most is n of these.
constexpr std::size_t kMinEntryBytes = 6;

// Multiply and fold 8 bytes at a time, in the manner of wyhash.
std::uint32_t hash_of(std::string_view text) {
  constexpr std::uint64_t kMultiplier = 0x9E3779B97F4A7C15U;  // 2^64 / golden ratio
  std::uint64_t hash = text.size() * kMultiplier;
  const auto mix = [&hash](std::uint64_t word) {
    hash = (hash ^ word) * kMultiplier;
    hash ^= hash >> 32U;
  };
  while (text.size() >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data(), 8);
    mix(word);
    text.remove_prefix(8);
  }
  std::uint64_t tail = 0;
  if (!text.empty()) std::memcpy(&tail, text.data(), text.size());
  mix(tail);
  return static_cast<std::uint32_t>(hash ^ hash >> 29U);
}

Result<std::int32_t> token_id(std::int64_t id, std::string_view what) {
  if (id < 0 || id > std::numeric_limits<std::int32_t>::max()) {
    return fail(Errc::corrupt, "The vocabulary of {} has the id {}, which is no token id.", what,
                id);
  }
  return static_cast<std::int32_t>(id);
}

}  // namespace

Result<Vocabulary> Vocabulary::read(JsonScanner& scanner, std::string_view what) {
  Vocabulary vocabulary;
  // Pages that stay untouched cost nothing, growing step by step does.
  vocabulary.arena_.reserve(scanner.bytes_left());
  vocabulary.entries_.reserve(scanner.bytes_left() / kMinEntryBytes);
  std::string_view token;
  std::int64_t id = 0;
  if (scanner.begin_object()) {
    while (scanner.next_key(token)) {
      ACCEL_CHECK(vocabulary.add(token, 0, what));
      if (!scanner.read_integer(id)) break;
      ACCEL_TRY(vocabulary.entries_.back().id, token_id(id, what));
    }
  }
  ACCEL_CHECK(scanner.status(what));
  ACCEL_CHECK(vocabulary.build_table());
  return vocabulary;
}

Result<Vocabulary> Vocabulary::read_scored(JsonScanner& scanner, std::vector<double>& scores,
                                           std::string_view what) {
  Vocabulary vocabulary;
  std::string_view token;
  double score = 0;
  bool more = scanner.begin_array();
  while (more && scanner.next_element()) {
    more = scanner.begin_array() && scanner.next_element() && scanner.read_string(token);
    if (!more) break;
    ACCEL_CHECK(vocabulary.add(token, std::ssize(scores), what));
    more = scanner.next_element() && scanner.read_number(score);
    if (more && scanner.next_element()) {
      return fail(Errc::corrupt, "The vocabulary of {} has a token with more than one score.",
                  what);
    }
    scores.push_back(score);
  }
  ACCEL_CHECK(scanner.status(what));
  if (!more) return fail(Errc::corrupt, "The vocabulary of {} has a token without a score.", what);
  ACCEL_CHECK(vocabulary.build_table());
  return vocabulary;
}

Status Vocabulary::add(std::string_view token, std::int64_t id, std::string_view what) {
  if (token.size() > kMaxTokenBytes || entries_.size() == kMaxVocabulary) {
    return fail(Errc::resource_exhausted,
                "The vocabulary of {} is above the limits of {} tokens of {} bytes each.", what,
                kMaxVocabulary, kMaxTokenBytes);
  }
  ACCEL_TRY(const std::int32_t known, token_id(id, what));
  const auto offset = static_cast<std::uint32_t>(arena_.size());
  entries_.push_back({offset, static_cast<std::uint32_t>(token.size()), known});
  arena_.append(token);
  max_bytes_ = std::max(max_bytes_, token.size());
  return {};
}

// Ids above what a vocabulary may have are a file's making: no text is found by them.
void Vocabulary::build_texts() {
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    const auto id = static_cast<std::size_t>(entries_[i].id);
    if (id >= 2 * kMaxVocabulary) continue;
    if (id >= by_id_.size()) by_id_.resize(std::max(id + 1, entries_.size()));
    by_id_[id] = i + 1;
  }
}

std::optional<std::string_view> Vocabulary::text(std::int32_t id) const {
  const auto at = static_cast<std::size_t>(id);
  if (id < 0 || at >= by_id_.size() || by_id_[at] == 0) return std::nullopt;
  return text_of(entries_[by_id_[at] - 1]);
}

Status Vocabulary::build_table() {
  slots_.assign(std::bit_ceil(entries_.size() * 2 + 1), {});
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (!insert(i)) {
      return fail(Errc::resource_exhausted,
                  "The vocabulary's tokens collide in the hash table more than chance allows.");
    }
  }
  build_texts();
  return {};
}

bool Vocabulary::insert(std::uint32_t entry) {
  const std::string_view text = text_of(entries_[entry]);
  const std::uint32_t hash = hash_of(text);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t probe = 0; probe < kMaxProbes; ++probe) {
    Slot& slot = slots_[(hash + probe) & mask];
    if (slot.entry == 0) {
      slot = {entry + 1, hash};
      ++distinct_;
      return true;
    }
    Entry& other = entries_[slot.entry - 1];
    if (slot.hash == hash && text_of(other) == text) {
      other.id = entries_[entry].id;
      return true;
    }
  }
  return false;
}

std::optional<std::int32_t> Vocabulary::find(std::string_view token) const {
  const auto place = locate(token);
  return place ? std::optional(place->id) : std::nullopt;
}

std::optional<Vocabulary::Place> Vocabulary::locate(std::string_view token) const {
  if (slots_.empty() || token.size() > max_bytes_) return std::nullopt;
  const std::uint32_t hash = hash_of(token);
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t at = hash & mask; slots_[at].entry != 0; at = (at + 1) & mask) {
    if (slots_[at].hash != hash) continue;
    const std::uint32_t index = slots_[at].entry - 1;
    if (text_of(entries_[index]) == token) return Place{index, entries_[index].id};
  }
  return std::nullopt;
}

}  // namespace accel::models
