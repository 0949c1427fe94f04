// SPDX-License-Identifier: Apache-2.0
#include "accel/models/tokenizer.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "json_fields.hpp"
#include "tokenizer/added_tokens.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/post_processor.hpp"
#include "tokenizer/pre_tokenizer.hpp"
#include "tokenizer/token_decoder.hpp"
#include "tokenizer/tokenizer_file.hpp"

namespace accel::models {
namespace {

// Text is normalized and split in windows of about this many bytes, so that a long text that is
// truncated to a few hundred tokens costs what those cost.
constexpr std::size_t kWindowBytes = 4096;

// Whether a window may end in front of the space at text[at]: behind white space it would tear a
// run of it apart, and behind a character that joins with the next one, a cluster.
bool may_end(std::string_view text, std::size_t at) {
  const auto before = static_cast<unsigned char>(text[at - 1]);
  if (before < 0x80) return before > ' ';
  std::size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80) {
    --begin;
  }
  return !is_space(code_point_before(text, at)) && grapheme_end(text, begin) == at;
}

// A window's end: in front of a space, so that no word and no combining mark is cut off.
std::size_t window_end(std::string_view text, std::size_t from) {
  if (text.size() - from <= kWindowBytes) return text.size();
  std::size_t at = text.find(' ', from + kWindowBytes);
  while (at != std::string_view::npos && !may_end(text, at)) at = text.find(' ', at + 1);
  return std::min(at, text.size());
}

}  // namespace

struct Tokenizer::State {
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  PostProcessor post_processor;
  AddedTokens added;
  TokenModel model;
  TokenDecoder decoder;
  Truncation truncation;
  std::int32_t pad_id = 0;
  std::size_t vocabulary_size = 0;
  bool may_cut = false;  // Text may be worked on in windows.
};

namespace {

// One call of encode(): collects ids until there are more than `limit`.
class Encoder {
 public:
  Encoder(const Normalizer& normalizer, const PreTokenizer& pre_tokenizer, const AddedTokens& added,
          const TokenModel& model)
      : normalizer_(normalizer), pre_tokenizer_(pre_tokenizer), added_(added), model_(model) {}

  void run(std::string_view text, bool may_cut, std::size_t limit) {
    limit_ = limit;
    std::size_t at = 0;
    while (!full() && at < text.size()) {
      const auto match = added_.raw.empty() ? std::nullopt : added_.raw.find(text, at);
      at_start_ = at == 0;
      add_windows(text.substr(at, (match ? match->start : text.size()) - at), may_cut);
      if (!match) return;
      ids.push_back(match->id);
      at = match->end;
    }
  }

  std::vector<std::int32_t> ids;

 private:
  bool full() const { return ids.size() > limit_; }

  void add_windows(std::string_view text, bool may_cut) {
    for (std::size_t at = 0; at < text.size() && !full();) {
      const std::size_t end = may_cut ? window_end(text, at) : text.size();
      normalizer_.apply(text.substr(at, end - at), normalized_);
      add_normalized(normalized_);
      at_start_ = false;
      at = end;
    }
  }

  void add_normalized(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const auto match =
          added_.normalized.empty() ? std::nullopt : added_.normalized.find(text, at);
      add_words(text.substr(at, (match ? match->start : text.size()) - at));
      at_start_ = false;
      if (!match) return;
      ids.push_back(match->id);
      at = match->end;
    }
  }

  void add_words(std::string_view text) {
    pre_tokenizer_.split(text, at_start_, pieces_, words_);
    for (const std::string_view word : words_) {
      if (full()) return;
      model_.tokenize(word, limit_, scratch_, ids);
    }
  }

  const Normalizer& normalizer_;
  const PreTokenizer& pre_tokenizer_;
  const AddedTokens& added_;
  const TokenModel& model_;
  std::size_t limit_ = 0;
  bool at_start_ = true;  // What comes next is the beginning of the text.
  std::string normalized_;
  PreTokenizer::Scratch pieces_;
  std::vector<std::string_view> words_;
  TokenModel::Scratch scratch_;
};

Encoding assemble(std::vector<std::int32_t> ids, const PostProcessor& post, bool special) {
  Encoding encoding;
  const std::size_t size = ids.size() + (special ? post.special_tokens() : 0);
  if (!special || post.special_tokens() == 0) {
    encoding.ids = std::move(ids);
    encoding.type_ids.assign(size, post.text_type_id);
    return encoding;
  }
  encoding.ids.reserve(size);
  encoding.type_ids.reserve(size);
  const auto append = [&encoding](const std::vector<SpecialToken>& tokens) {
    for (const SpecialToken& token : tokens) {
      encoding.ids.push_back(token.id);
      encoding.type_ids.push_back(token.type_id);
    }
  };
  append(post.before);
  encoding.ids.insert(encoding.ids.end(), ids.begin(), ids.end());
  encoding.type_ids.resize(encoding.ids.size(), post.text_type_id);
  append(post.after);
  return encoding;
}

// A word, or where Chinese characters are words of their own, what lies between them too.
void add_word(std::string_view piece, bool chinese_apart, std::vector<std::string_view>& words) {
  std::size_t start = 0;
  const auto add = [&](std::size_t end) {
    if (end > start) words.push_back(piece.substr(start, end - start));
    start = end;
  };
  for (std::size_t at = 0; chinese_apart && at < piece.size();) {
    const std::size_t begin = at;
    if (!is_chinese(next_code_point(piece, at))) continue;
    add(begin);
    add(at);
  }
  add(piece.size());
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::from_json(ByteView tokenizer_json) {
  constexpr std::string_view kWhat = "tokenizer.json";
  ACCEL_TRY(TokenizerFile file, read_tokenizer_file(as_text(tokenizer_json), kWhat));
  ACCEL_TRY(Normalizer normalizer, Normalizer::from_json(file.section("normalizer"), kWhat));
  ACCEL_TRY(PreTokenizer pre, PreTokenizer::from_json(file.section("pre_tokenizer"), kWhat));
  ACCEL_TRY(PostProcessor post, PostProcessor::from_json(file.section("post_processor"), kWhat));
  ACCEL_TRY(TokenDecoder decoder, TokenDecoder::from_json(file.section("decoder"), kWhat));
  TokenModel model = std::move(*file.model);
  ACCEL_TRY(AddedTokens added, AddedTokens::from_json(file.section("added_tokens"),
                                                      model.vocabulary(), normalizer, kWhat));
  ACCEL_TRY(const Truncation truncation, read_truncation(file.section("truncation"), kWhat));
  ACCEL_TRY(const auto pad_id, read_pad_id(file.section("padding"), kWhat));

  const bool may_cut = pre.splits_at_space() && normalizer.may_cut() && added.normalized.empty();
  const auto extra = static_cast<std::size_t>(
      std::count_if(added.ids.begin(), added.ids.end(),
                    [&](const auto& entry) { return !model.vocabulary().find(entry.first); }));
  const std::size_t size = model.vocabulary().size() + extra;
  const auto bert_pad = model.vocabulary().find("[PAD]");
  const auto pad = bert_pad ? bert_pad : model.vocabulary().find("<pad>");
  return Tokenizer(std::make_unique<const State>(State{
      std::move(normalizer), std::move(pre), std::move(post), std::move(added), std::move(model),
      std::move(decoder), truncation, pad_id.value_or(pad.value_or(0)), size, may_cut}));
}

Encoding Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  const State& state = *state_;
  const std::size_t special = options.add_special ? special_tokens() : 0;
  const std::size_t wanted =
      options.max_length.value_or(state.truncation.max_length.value_or(EncodeOptions::kUnlimited));
  const std::size_t room = wanted > special ? wanted - special : 0;
  const bool from_left = state.truncation.keeps_end;
  Encoder encoder(state.normalizer, state.pre_tokenizer, state.added, state.model);
  encoder.run(text, state.may_cut, from_left ? EncodeOptions::kUnlimited : room);
  std::vector<std::int32_t>& ids = encoder.ids;
  const bool truncated = ids.size() > room;
  if (truncated && from_left) {
    ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(room));
  } else if (truncated) {
    ids.resize(room);
  }
  Encoding encoding = assemble(std::move(ids), state.post_processor, options.add_special);
  encoding.truncated = truncated;
  return encoding;
}

Result<std::string> Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const std::int32_t id : ids) {
    const auto added = state_->added.texts.find(id);
    if (added != state_->added.texts.end()) {
      if (!skip_special || !added->second.special) tokens.push_back(added->second.content);
    } else if (const auto text = state_->model.vocabulary().text(id)) {
      tokens.emplace_back(*text);
    }
  }
  return state_->decoder.decode(std::move(tokens));
}

bool Tokenizer::is_special(std::int32_t id) const {
  const auto added = state_->added.texts.find(id);
  return added != state_->added.texts.end() && added->second.special;
}

std::vector<std::string_view> Tokenizer::words(std::string_view text) const {
  const TokenMatcher& added = state_->added.raw;
  const bool apart = state_->normalizer.spaces_chinese();
  std::vector<std::string_view> pieces, words;
  for (std::size_t at = 0; at < text.size();) {
    const auto match = added.empty() ? std::nullopt : added.find(text, at);
    pieces.clear();
    state_->pre_tokenizer.split_only(text.substr(at, (match ? match->start : text.size()) - at),
                                     pieces);
    for (const std::string_view piece : pieces) add_word(piece, apart, words);
    if (!match) break;
    words.push_back(text.substr(match->start, match->end - match->start));
    at = match->end;
  }
  return words;
}

std::size_t Tokenizer::vocabulary_size() const { return state_->vocabulary_size; }

std::optional<std::int32_t> Tokenizer::token_to_id(std::string_view token) const {
  const auto added = state_->added.ids.find(token);
  if (added != state_->added.ids.end()) return added->second;
  return state_->model.vocabulary().find(token);
}

Result<std::string> TextStream::push(std::int32_t id) {
  constexpr std::size_t kMaxKept = 64;  // No character is of more tokens: then it never was one.
  constexpr std::string_view kBroken = "\xEF\xBF\xBD";
  if (tokenizer_->is_special(id)) return std::string();
  ids_.push_back(id);
  ACCEL_TRY(const std::string text, tokenizer_->decode(ids_));
  const bool waits = text.size() <= text_.size() || text.ends_with(kBroken);
  if (waits && ids_.size() - written_ < kMaxKept) return std::string();
  std::string added = text.substr(std::min(text_.size(), text.size()));
  ids_.erase(ids_.begin(), ids_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ = ids_.size();
  ACCEL_TRY(text_, tokenizer_->decode(ids_));
  return added;
}

Result<std::string> TextStream::finish() {
  ACCEL_TRY(const std::string text, tokenizer_->decode(ids_));
  std::string added = text.substr(std::min(text_.size(), text.size()));
  ids_.clear();
  written_ = 0;
  text_.clear();
  return added;
}

std::int32_t Tokenizer::pad_id() const { return state_->pad_id; }
std::size_t Tokenizer::special_tokens() const { return state_->post_processor.special_tokens(); }

}  // namespace accel::models
