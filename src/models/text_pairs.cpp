// SPDX-License-Identifier: Apache-2.0
#include "text_pairs.hpp"

#include <nlohmann/json.hpp>

#include "tokenizer/added_tokens.hpp"
#include "tokenizer/tokenizer_file.hpp"

namespace accel::models {
namespace {

// "longest_first" of tokenizers: the longer text gives way alone, as long as that is enough; else
// both keep half, and what is odd goes to the longer one, of equals to the second.
void cut_longest_first(std::vector<std::int32_t>& a, std::vector<std::int32_t>& b,
                       std::size_t room) {
  if (a.size() + b.size() <= room) return;
  std::vector<std::int32_t>& longer = a.size() > b.size() ? a : b;
  std::vector<std::int32_t>& shorter = a.size() > b.size() ? b : a;
  if (shorter.size() > room / 2) shorter.resize(room / 2);
  longer.resize(room - shorter.size());
}

}  // namespace

Result<TextPairs> TextPairs::from_json(ByteView tokenizer_json) {
  constexpr std::string_view kWhat = "tokenizer.json";
  ACCEL_TRY(const TokenizerFile file, read_tokenizer_file(as_text(tokenizer_json), kWhat));
  TextPairs pairs;
  ACCEL_TRY(pairs.post_, PostProcessor::from_json(file.section("post_processor"), kWhat));
  ACCEL_TRY(const Normalizer normalizer, Normalizer::from_json(file.section("normalizer"), kWhat));
  ACCEL_TRY(const AddedTokens added,
            AddedTokens::from_json(file.section("added_tokens"), file.model->vocabulary(),
                                   normalizer, kWhat));
  const auto put = [&tokens = pairs.tokens_](std::string_view text, std::int32_t id) {
    const auto at = static_cast<std::size_t>(id);
    if (at >= 2 * kMaxVocabulary) return;  // A gap of the file's making, not a vocabulary.
    if (at >= tokens.size()) tokens.resize(at + 1);
    tokens[at] = text;
  };
  file.model->vocabulary().each(put);
  for (const auto& [text, id] : added.ids) put(text, id);
  return pairs;
}

Result<JoinedTexts> TextPairs::join(std::span<const std::int32_t> first,
                                    std::span<const std::int32_t> second) const {
  if (post_.pair.empty())
    return fail(Errc::unsupported, "tokenizer.json does not say how two texts are joined.");
  JoinedTexts joined;
  Encoding& encoding = joined.encoding;
  for (const PairPiece& piece : post_.pair) {
    if (piece.text == PairPiece::Text::second) joined.second = encoding.ids.size();
    if (piece.text == PairPiece::Text::none) encoding.ids.push_back(piece.special.id);
    const auto ids = piece.text == PairPiece::Text::first    ? first
                     : piece.text == PairPiece::Text::second ? second
                                                             : std::span<const std::int32_t>();
    encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
    encoding.type_ids.resize(encoding.ids.size(), piece.special.type_id);
  }
  return joined;
}

Result<std::size_t> TextPairs::special_tokens() const {
  ACCEL_TRY(const JoinedTexts none, join({}, {}));
  return none.encoding.ids.size();
}

Result<Encoding> TextPairs::encode(const Tokenizer& tokenizer, std::string_view first,
                                   std::string_view second, std::size_t max_length) const {
  ACCEL_TRY(const std::size_t special, special_tokens());
  if (max_length < special + 2)
    return fail(Errc::invalid_argument, "{} tokens leave no room for two texts.", max_length);
  const std::size_t room = max_length - special;
  Encoding a = tokenizer.encode(first, {max_length, false});
  Encoding b = tokenizer.encode(second, {max_length, false});
  const bool truncated = a.truncated || b.truncated || a.ids.size() + b.ids.size() > room;
  cut_longest_first(a.ids, b.ids, room);
  ACCEL_TRY(JoinedTexts joined, join(a.ids, b.ids));
  joined.encoding.truncated = truncated;
  return std::move(joined.encoding);
}

}  // namespace accel::models
