// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/wordpiece.hpp"

#include <algorithm>

namespace accel::models {
namespace {

bool is_continuation_byte(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80; }

std::size_t count_characters(std::string_view text) {
  return text.size() -
         static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation_byte));
}

}  // namespace

Result<WordPiece> WordPiece::make(Parts parts, std::string_view what) {
  const auto unknown_id = parts.vocabulary.find(parts.unknown_token);
  if (!unknown_id) {
    return fail(Errc::corrupt, "{}: the vocabulary lacks its unknown token {}.", what,
                parts.unknown_token);
  }
  return WordPiece(std::move(parts), *unknown_id);
}

void WordPiece::tokenize(std::string_view word, Scratch& scratch,
                         std::vector<std::int32_t>& ids) const {
  const Vocabulary& vocabulary = parts_.vocabulary;
  if (word.size() <= parts_.max_word_characters) {  // Else count_characters() decides first.
    if (const auto id = vocabulary.find(word)) {
      ids.push_back(*id);
      return;
    }
  } else if (count_characters(word) > parts_.max_word_characters) {
    ids.push_back(unknown_id_);
    return;
  }
  // The word behind room for the prefix: what is behind `start` is looked up as prefix + rest by
  // writing the prefix over bytes that are done with.
  const std::size_t room = parts_.continuing_prefix.size();
  scratch.word.assign(room, '\0');
  scratch.word.append(word);
  const std::size_t first_id = ids.size();
  std::size_t start = room;
  while (start < scratch.word.size()) {
    std::size_t from = start;
    if (start > room) {
      from = start - room;
      scratch.word.replace(from, room, parts_.continuing_prefix);
    }
    std::size_t end = std::min(scratch.word.size(), from + vocabulary.max_bytes());
    while (end > start && end < scratch.word.size() && is_continuation_byte(scratch.word[end]))
      --end;
    std::optional<std::int32_t> id;
    while (end > start) {
      id = vocabulary.find(std::string_view(scratch.word).substr(from, end - from));
      if (id) break;
      --end;
      while (end > start && is_continuation_byte(scratch.word[end])) --end;
    }
    if (!id) {
      ids.resize(first_id);
      ids.push_back(unknown_id_);
      return;
    }
    ids.push_back(*id);
    start = end;
  }
}

}  // namespace accel::models
