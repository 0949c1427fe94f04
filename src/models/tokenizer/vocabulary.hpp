// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tokens to ids: an open-addressing table over one block of text, built once and then read by many
// threads. Private to models. Built to be quick to fill (every run of a command pays it) and to
// stand up to a vocabulary that was made to collide.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "json_scanner.hpp"

namespace accel::models {

class Vocabulary {
 public:
  // Reads {"token": id, …} where the scanner stands. Of equal tokens the last one counts.
  // Errors: corrupt (grammar, an id that is no integer from 0 to 2^31 - 1), resource_exhausted
  // (kMaxVocabulary, kMaxTokenBytes, or tokens made to collide).
  static Result<Vocabulary> read(JsonScanner& scanner, std::string_view what);
  // Reads [["token", score], …]: ids count from 0, and `scores` are by id. Errors: the same.
  static Result<Vocabulary> read_scored(JsonScanner& scanner, std::vector<double>& scores,
                                        std::string_view what);

  std::optional<std::int32_t> find(std::string_view token) const;
  struct Place {
    std::uint32_t index;  // Below entries().
    std::int32_t id;
  };
  std::optional<Place> locate(std::string_view token) const;
  std::size_t entries() const { return entries_.size(); }
  // Not set where no token has the id.
  std::optional<std::string_view> text(std::int32_t id) const;
  std::size_t size() const { return distinct_; }
  // fn(text, id) for every token.
  template <class Function>
  void each(Function fn) const {
    for (const Entry& entry : entries_) fn(text_of(entry), entry.id);
  }
  // Of the longest token.
  std::size_t max_bytes() const { return max_bytes_; }

 private:
  struct Entry {
    std::uint32_t offset;
    std::uint32_t length;
    std::int32_t id;
  };
  struct Slot {
    std::uint32_t entry = 0;  // Index + 1; 0 is free.
    std::uint32_t hash = 0;
  };

  Status add(std::string_view token, std::int64_t id, std::string_view what);
  Status build_table();
  void build_texts();
  bool insert(std::uint32_t entry);
  std::string_view text_of(const Entry& entry) const {
    return std::string_view(arena_).substr(entry.offset, entry.length);
  }

  std::string arena_;  // All tokens, one behind the other.
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;           // A power of two, at most half full.
  std::vector<std::uint32_t> by_id_;  // Index + 1; 0 is none.
  std::size_t distinct_ = 0;
  std::size_t max_bytes_ = 0;
};

}  // namespace accel::models
