// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unigram.hpp"

#include <algorithm>
#include <limits>

#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

constexpr double kUnknownPenalty = 10;  // sentencepiece's kUnkPenalty, below the lowest score.
constexpr std::uint32_t kNowhere = std::numeric_limits<std::uint32_t>::max();

}  // namespace

Result<Unigram> Unigram::make(Parts parts, std::string_view what) {
  if (!parts.unknown_id) {
    return fail(Errc::unsupported, "{}: a Unigram model without unk_id is not implemented.", what);
  }
  if (*parts.unknown_id >= parts.scores.size()) {
    return fail(Errc::corrupt, "{}: the unk_id {} is outside the vocabulary of {} tokens.", what,
                *parts.unknown_id, parts.scores.size());
  }
  return Unigram(std::move(parts));
}

Unigram::Unigram(Parts parts)
    : parts_(std::move(parts)),
      unknown_id_(static_cast<std::int32_t>(*parts_.unknown_id)),
      unknown_score_(*std::min_element(parts_.scores.begin(), parts_.scores.end()) -
                     kUnknownPenalty) {
  for (unsigned byte = 0; parts_.byte_fallback && byte < 256; ++byte) {
    byte_ids_.push_back(parts_.vocabulary.find(fmt::format("<0x{:02X}>", byte)).value_or(-1));
  }
  build_trie();
}

void Unigram::build_trie() {
  std::vector<std::pair<std::string_view, std::int32_t>> tokens;
  tokens.reserve(parts_.vocabulary.entries());
  parts_.vocabulary.each([&](std::string_view text, std::int32_t) {
    if (!text.empty()) tokens.emplace_back(text, *parts_.vocabulary.find(text));
  });
  std::sort(tokens.begin(), tokens.end());
  // Nodes whose children are still to come: a range of tokens that share the first `depth` bytes.
  struct Open {
    std::uint32_t node;
    std::uint32_t begin;
    std::uint32_t end;
    std::uint32_t depth;
  };
  std::vector<Open> open{{0, 0, static_cast<std::uint32_t>(tokens.size()), 0}};
  trie_.assign(1, {});
  for (std::size_t i = 0; i < open.size(); ++i) {
    const Open from = open[i];
    std::uint32_t at = from.begin;
    while (at < from.end && tokens[at].first.size() == from.depth) {
      trie_[from.node].id = tokens[at++].second;
    }
    trie_[from.node].children = static_cast<std::uint32_t>(trie_.size());
    while (at < from.end) {
      const auto label = static_cast<std::uint8_t>(tokens[at].first[from.depth]);
      std::uint32_t end = at;
      while (end < from.end && static_cast<std::uint8_t>(tokens[end].first[from.depth]) == label) {
        ++end;
      }
      const auto node = static_cast<std::uint32_t>(trie_.size());
      open.push_back({node, at, end, from.depth + 1});
      trie_.push_back({0, 0, label, -1});
      ++trie_[from.node].count;
      if (from.node == 0) roots_[label] = node;
      at = end;
    }
  }
  trie_.shrink_to_fit();
}

// 0: none.
std::uint32_t Unigram::child(std::uint32_t node, std::uint8_t label) const {
  const TrieNode& from = trie_[node];
  const auto first = trie_.begin() + from.children;
  const auto last = first + from.count;
  constexpr std::uint16_t kFew = 8;
  const auto found =
      from.count <= kFew
          ? std::find_if(first, last, [label](const TrieNode& n) { return n.label >= label; })
          : std::lower_bound(first, last, label, [](const TrieNode& n, std::uint8_t wanted) {
              return n.label < wanted;
            });
  if (found == last || found->label != label) return 0;
  return static_cast<std::uint32_t>(found - trie_.begin());
}

void Unigram::find_paths(std::string_view word, std::vector<Scratch::Node>& nodes) const {
  nodes.assign(word.size() + 1, {0, 0, kNowhere});
  for (std::size_t begin = 0; begin < word.size();) {
    const double score = nodes[begin].score;
    std::size_t next = begin;
    next_code_point(word, next);
    const auto offer = [&](std::size_t end, double more, std::int32_t id) {
      Scratch::Node& node = nodes[end];
      if (node.begin != kNowhere && more + score <= node.score) return;
      node = {more + score, id, static_cast<std::uint32_t>(begin)};
    };
    bool single = false;
    std::uint32_t node = roots_[static_cast<std::uint8_t>(word[begin])];
    for (std::size_t end = begin + 1; node != 0; ++end) {
      if (const std::int32_t id = trie_[node].id; id >= 0) {
        offer(end, parts_.scores[static_cast<std::size_t>(id)], id);
        single = single || end == next;
      }
      node = end < word.size() ? child(node, static_cast<std::uint8_t>(word[end])) : 0;
    }
    if (!single) offer(next, unknown_score_, unknown_id_);
    begin = next;
  }
}

void Unigram::add_unknown(std::string_view text, std::vector<std::int32_t>& ids) const {
  if (const auto id = parts_.vocabulary.find(text)) {
    ids.push_back(*id);
    return;
  }
  const bool has_bytes = !byte_ids_.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return byte_ids_[static_cast<unsigned char>(c)] >= 0;
  });
  if (!has_bytes) {
    ids.push_back(unknown_id_);
    return;
  }
  // In the end, they are turned around with all others.
  std::for_each(text.rbegin(), text.rend(),
                [&](char c) { ids.push_back(byte_ids_[static_cast<unsigned char>(c)]); });
}

void Unigram::tokenize(std::string_view word, Scratch& scratch,
                       std::vector<std::int32_t>& ids) const {
  if (word.empty()) return;
  auto& nodes = scratch.nodes;
  find_paths(word, nodes);
  const std::size_t first = ids.size();
  std::size_t unknown_end = 0;  // Neighbours without a token are one: [end, unknown_end).
  std::size_t end = word.size();
  const auto write_unknown = [&] {
    if (unknown_end > 0) add_unknown(word.substr(end, unknown_end - end), ids);
    unknown_end = 0;
  };
  while (end > 0) {
    const Scratch::Node& node = nodes[end];
    if (node.id == unknown_id_) {
      if (unknown_end == 0) unknown_end = end;
    } else {
      write_unknown();
      ids.push_back(node.id);
    }
    end = node.begin;
  }
  write_unknown();
  std::reverse(ids.begin() + static_cast<std::ptrdiff_t>(first), ids.end());
}

}  // namespace accel::models
