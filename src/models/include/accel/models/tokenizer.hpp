// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text to token ids and back as a tokenizer.json says. Used by the text families here and by tests.
//
// Reads the format of Hugging Face `tokenizers` (version "1.0"): the models WordPiece, BPE and
// Unigram with the steps that come with them; ids and texts equal those of `tokenizers` 0.23. What
// it does not know it refuses by name, so that no text is ever cut in another way than the model
// learned. Padding in the file is ignored: batches pad to their longest text.
// Threads: encode() is const and may run on many threads. Owns all it needs; move-only.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"

namespace accel::models {

constexpr std::size_t kMaxTokenizerBytes = 64 << 20;  // Of tokenizer.json; big ones have 17 MB.
constexpr std::size_t kMaxVocabulary = 4'000'000;
constexpr std::size_t kMaxAddedTokens = 100'000;
constexpr std::size_t kMaxTokenBytes = 8192;  // Claude 2 has one of 2048.

struct EncodeOptions {
  static constexpr std::size_t kUnlimited = SIZE_MAX;
  // Tokens at most, special ones included; not set: what the file's truncation says, if anything.
  std::optional<std::size_t> max_length;
  bool add_special = true;  // [CLS] and [SEP], as the file's post-processor places them.
};

struct Encoding {
  std::vector<std::int32_t> ids;
  std::vector<std::uint8_t> type_ids;  // As many as ids.
  bool truncated = false;              // Some of the text is not in ids.
};

class Tokenizer {
 public:
  // Errors: corrupt (no JSON, wrong types; says where), unsupported (a model or step that is not
  // implemented, named), resource_exhausted (a limit above).
  static Result<Tokenizer> from_json(ByteView tokenizer_json);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Never fails: bytes that are not UTF-8 count as U+FFFD, one for each maximal subpart (Unicode
  // 15, section 3.9), which BERT's normalizer then drops.
  Encoding encode(std::string_view text, const EncodeOptions& options = {}) const;

  // The text of ids; those that are no token are left out. Errors: unsupported (a decoder that is
  // not implemented, named).
  Result<std::string> decode(std::span<const std::int32_t> ids, bool skip_special = true) const;
  // Whether decode() leaves the token out.
  bool is_special(std::int32_t id) const;

  // The words of the text as it came: added tokens, and what the pre-tokenizer makes of the rest,
  // with the space in front that byte-level ones take along. They borrow from `text`. What
  // normalization changes may make other words of it (rarely).
  std::vector<std::string_view> words(std::string_view text) const;

  std::size_t vocabulary_size() const;  // With added tokens.
  std::optional<std::int32_t> token_to_id(std::string_view token) const;
  // "[PAD]" or what the file's padding says; 0 where neither is there.
  std::int32_t pad_id() const;
  // How many tokens the post-processor adds to one text: 2 for BERT.
  std::size_t special_tokens() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
};

// The text of ids that come one by one, as they are generated: the pieces together are what
// decode() makes of all. Bytes of a character that is not whole yet are kept back. One thread;
// refers to the tokenizer.
class TextStream {
 public:
  explicit TextStream(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  // What the id adds to the text, special tokens nothing. Errors: decode()'s.
  Result<std::string> push(std::int32_t id);
  Result<std::string> finish();  // What was kept back.

 private:
  const Tokenizer* tokenizer_;
  std::vector<std::int32_t> ids_;  // The last ones, of which the first `written_` are written.
  std::size_t written_ = 0;
  std::string text_;  // Of these.
};

}  // namespace accel::models
