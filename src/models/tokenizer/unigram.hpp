// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Unigram model: of all ways to cut a word into tokens the one with the highest sum of scores.
// Private to models; thread-safe. Spec: tokenizers' models/unigram; Kudo, Subword regularization
// (2018); Viterbi's algorithm.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.hpp"

namespace accel::models {

class Unigram {
 public:
  struct Parts {
    Vocabulary vocabulary;
    std::vector<double> scores;  // By id.
    std::optional<std::uint64_t> unknown_id;
    bool byte_fallback = false;
  };
  // Errors: corrupt (an unknown id outside the vocabulary), unsupported (none: tokenizers then
  // fails at the first unknown character).
  static Result<Unigram> make(Parts parts, std::string_view what);

  // Room to work in, kept by the caller from word to word.
  struct Scratch {
    struct Node {  // The best path that ends here.
      double score;
      std::int32_t id;
      std::uint32_t begin;  // kNowhere: none.
    };
    std::vector<Node> nodes;
  };
  // Appends the ids of one word (UTF-8).
  void tokenize(std::string_view word, Scratch& scratch, std::vector<std::int32_t>& ids) const;

  const Vocabulary& vocabulary() const { return parts_.vocabulary; }

 private:
  // A trie of the tokens, breadth first: the children of a node lie side by side, in order.
  struct TrieNode {
    std::uint32_t children = 0;  // The first.
    std::uint16_t count = 0;
    std::uint8_t label = 0;
    std::int32_t id = -1;  // Of the token that ends here.
  };

  explicit Unigram(Parts parts);
  void build_trie();
  std::uint32_t child(std::uint32_t node, std::uint8_t label) const;
  void find_paths(std::string_view word, std::vector<Scratch::Node>& nodes) const;
  void add_unknown(std::string_view text, std::vector<std::int32_t>& ids) const;

  Parts parts_;
  std::int32_t unknown_id_ = 0;
  double unknown_score_ = 0;
  std::vector<TrieNode> trie_;
  std::array<std::uint32_t, 256> roots_{};  // The children of the root; 0: none.
  std::vector<std::int32_t> byte_ids_;      // Of <0x00> and so on; -1: none.
};

}  // namespace accel::models
