// SPDX-License-Identifier: Apache-2.0
#pragma once
// The BPE model: a word begins as its characters, and of all pairs that may merge the one of the
// lowest rank does, until none may. Byte-level (GPT-2, Llama 3), SentencePiece's with bytes for
// what has no token (Llama 2), and with an end of word (CLIP). Private to models; thread-safe.
// Spec: tokenizers' models/bpe; Sennrich et al., Neural machine translation of rare words with
// subword units (2016).

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/merges.hpp"
#include "tokenizer/vocabulary.hpp"

namespace accel::models {

class Bpe {
 public:
  struct Parts {
    Vocabulary vocabulary;
    Merges merges;
    std::string unknown_token;  // Empty: a character without a token is left out.
    std::string word_suffix;    // What the last character of a word is looked up with.
    bool fuse_unknown = false;  // Neighbours without a token are one unknown.
    bool byte_fallback = false;
    bool ignore_merges = false;  // A word that is a token is that token.
  };
  // Errors: corrupt when the vocabulary lacks the unknown token.
  static Result<Bpe> make(Parts parts, std::string_view what);

  // Room to work in, kept by the caller from word to word.
  struct Scratch {
    struct Symbol {
      std::int32_t id;
      std::int32_t previous;  // -1: none.
      std::int32_t next;
    };
    std::vector<Symbol> symbols;
    std::vector<std::uint64_t> queue;  // A heap of rank and place.
    std::vector<std::uint32_t> ranks;  // Of the pair that begins at each symbol.
    std::string text;
  };
  // Appends the ids of one word (UTF-8), until there are more than `limit`: what follows is of no
  // use then. Takes n log n time for a word of n characters.
  void tokenize(std::string_view word, std::size_t limit, Scratch& scratch,
                std::vector<std::int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return parts_.vocabulary; }

 private:
  enum class Known : std::uint8_t { not_yet, whole, in_parts };

  Bpe(Parts parts, std::optional<std::int32_t> unknown_id);
  void find_bytes();
  bool find_joined();
  void tokenize_part(std::string_view part, Scratch& scratch, std::vector<std::int32_t>& ids) const;
  void add_symbols(std::string_view part, Scratch& scratch) const;
  bool add_bytes(std::string_view character, std::vector<Scratch::Symbol>& symbols) const;
  void merge_short(Scratch& scratch) const;
  void merge_long(Scratch& scratch) const;

  Parts parts_;
  std::optional<std::int32_t> unknown_id_;
  std::vector<std::int32_t> small_characters_;  // Tokens of the first characters; -1: none.
  std::vector<std::int32_t> byte_ids_;          // Of <0x00> and so on; -1: none.
  // No merge joins a character and a U+2581 behind it but for these: words fall apart in front of
  // the others.
  bool parts_at_space_ = false;
  std::vector<char32_t> joined_;
  // Whether a token, as a word, becomes itself: found out when it is first met, by whoever meets
  // it; all find the same.
  std::unique_ptr<std::atomic<Known>[]> known_;
};

}  // namespace accel::models
