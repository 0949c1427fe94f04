// SPDX-License-Identifier: Apache-2.0
#include "llama/prompt_reader.hpp"

#include <algorithm>

namespace accel::inference::llama {
namespace {

// Where a text is cut, at most so many tokens more come of it than of the whole.
constexpr std::size_t kTokensOfCut = 64;

Status too_long(std::string_view text, std::size_t most) {
  return fail(Errc::invalid_argument,
              "The prompt has {} bytes, which are more tokens than the context of {} holds.",
              text.size(), most + 1);
}

// No character is cut.
std::string_view front_of(std::string_view text, std::size_t size) {
  if (size >= text.size()) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0U) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

PromptReader::PromptReader(const Api& api, const llama_vocab* vocab) : api_(api), vocab_(vocab) {
  for (TokenId token = 0; token < api.vocab_size(vocab); ++token)
    longest_ = std::max(longest_, piece_of(api, vocab, token, /*shown=*/true).size());
}

Result<std::vector<TokenId>> PromptReader::read(std::string_view text, bool special,
                                                std::size_t most,
                                                const std::stop_token& stop) const {
  if (text.size() / longest_ > most) return fail(too_long(text, most).error());
  if (text.size() <= kLargeText) return whole(text, special, most);
  const Turns::Caller caller(turns_);
  if (!caller)
    return fail(Errc::resource_exhausted,
                "Too many long prompts are read already; try again later.");
  const Turns::Turn turn(turns_, stop);
  if (!turn) return fail(Errc::cancelled, "The text was cancelled.");
  ACCEL_CHECK(check_pieces(text, special, most, stop));
  return whole(text, special, most);
}

Result<std::vector<TokenId>> PromptReader::whole(std::string_view text, bool special,
                                                 std::size_t most) const {
  ACCEL_TRY(std::vector<TokenId> tokens, tokens_of_text(api_, vocab_, text, true, special));
  if (tokens.size() <= most) return tokens;
  return fail(Errc::invalid_argument, "The prompt has {} tokens, but the context holds {}.",
              tokens.size(), most + 1);
}

// By their pieces alone, which tells within a few tokens how many there are.
Status PromptReader::check_pieces(std::string_view text, bool special, std::size_t most,
                                  const std::stop_token& stop) const {
  std::size_t tokens = 0, slack = 0;
  for (std::string_view rest = text; !rest.empty();) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "The text was cancelled.");
    const std::string_view piece = front_of(rest, kTextPiece);
    ACCEL_TRY(const auto read, tokens_of_text(api_, vocab_, piece, false, special));
    tokens += read.size();
    slack += kTokensOfCut;
    if (tokens > most + slack) return too_long(text, most);
    rest.remove_prefix(std::max<std::size_t>(piece.size(), 1));
  }
  return {};
}

std::string_view PromptReader::beginning(std::string_view text, std::size_t most) const {
  return front_of(text, (most + kTokensOfCut) * longest_);
}

}  // namespace accel::inference::llama
