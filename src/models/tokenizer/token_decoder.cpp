// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/token_decoder.hpp"

#include <fmt/ranges.h>
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "json_fields.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/unicode.hpp"

namespace accel::models {
namespace {

using Tokens = std::vector<std::string>;

constexpr std::size_t kMaxNesting = 8;
constexpr std::size_t kMaxSteps = 64;
constexpr std::size_t kMaxContentBytes = 64;
constexpr std::size_t kMaxContent = 256;
constexpr std::string_view kReplacementText = "\xEF\xBF\xBD";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::size_t at = text.find(from);
  if (at == std::string::npos) return;
  std::string out;
  std::size_t begin = 0;
  for (; at != std::string::npos; at = text.find(from, begin)) {
    out.append(text, begin, at - begin).append(to);
    begin = at + from.size();
  }
  text = out.append(text, begin);
}

// What tokenizers' wordpiece::cleanup() takes back, in its order.
void clean_up(std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

std::string lossy(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) append_utf8(next_code_point(bytes, at), out);
  return out;
}

// The bytes behind a token's characters; a token with any other character is itself.
void append_bytes(std::string_view token, std::string& out) {
  const std::size_t begin = out.size();
  for (std::size_t at = 0; at < token.size();) {
    const auto byte = byte_of_character(next_code_point(token, at));
    if (!byte) {
      out.resize(begin);
      out.append(token);
      return;
    }
    out.push_back(static_cast<char>(*byte));
  }
}

void join_bytes(Tokens& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) append_bytes(token, bytes);
  tokens.assign(1, lossy(bytes));
}

// "<0x0A>"
std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  unsigned value = 0;
  const char* const end = token.data() + 5;
  const auto [stop, error] = std::from_chars(token.data() + 3, end, value, 16);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return static_cast<char>(value);
}

void fall_back(Tokens& tokens) {
  Tokens out;
  std::string bytes;
  const auto write_bytes = [&] {
    if (bytes.empty()) return;
    if (is_utf8(bytes)) {
      out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), std::string(kReplacementText));
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = byte_of(token)) {
      bytes.push_back(*byte);
      continue;
    }
    write_bytes();
    out.push_back(std::move(token));
  }
  write_bytes();
  tokens = std::move(out);
}

std::string stripped(std::string_view token, std::string_view content, std::size_t start,
                     std::size_t stop) {
  for (; start > 0 && token.starts_with(content); --start) token.remove_prefix(content.size());
  for (; stop > 0 && token.ends_with(content); --stop) token.remove_suffix(content.size());
  return std::string(token);
}

std::string replaced(std::string_view token, const TextPattern& pattern, std::string_view content) {
  std::string out;
  for (std::size_t at = 0; at < token.size();) {
    const TextPattern::Match match = pattern.find(token, at);
    out.append(token.substr(at, match.begin - at));
    if (match.end > match.begin) out.append(content);
    at = match.end;
  }
  return out;
}

}  // namespace

Result<TokenDecoder> TokenDecoder::from_json(const nlohmann::json& section, std::string_view what) {
  TokenDecoder decoder;
  decoder.spaced_ = section.is_null();
  if (!section.is_null()) ACCEL_CHECK(decoder.add(section, what, 0));
  return decoder;
}

Status TokenDecoder::add(const nlohmann::json& section, std::string_view what, std::size_t depth) {
  ACCEL_TRY(const std::string type, text_field(section, "type", "", what));
  if (depth > kMaxNesting || steps_.size() > kMaxSteps) {
    return fail(Errc::resource_exhausted, "{}: the decoder has too many parts.", what);
  }
  if (type == "Sequence") {
    const nlohmann::json* parts = find_field(section, "decoders");
    if (parts == nullptr || !parts->is_array()) {
      return fail(Errc::corrupt, "{}: a Sequence of decoders lists none.", what);
    }
    for (const nlohmann::json& part : *parts) ACCEL_CHECK(add(part, what, depth + 1));
    return {};
  }
  auto step = read_step(type, section, what);
  if (!step && step.error().code == Errc::unsupported) {
    if (unsupported_.empty()) unsupported_ = step.error().message;
    return {};
  }
  if (!step) return fail(std::move(step).error());
  if (step->content.size() > kMaxContent) {
    return fail(Errc::resource_exhausted, "{}: a decoder writes {} bytes; {} are at most.", what,
                step->content.size(), kMaxContent);
  }
  steps_.push_back(std::move(*step));
  return {};
}

Result<TokenDecoder::Step> TokenDecoder::read_step(std::string_view type,
                                                   const nlohmann::json& section,
                                                   std::string_view what) {
  Step step;
  if (type == "ByteLevel") {
    step.kind = Kind::byte_level;
  } else if (type == "ByteFallback") {
    step.kind = Kind::byte_fallback;
  } else if (type == "Fuse") {
    step.kind = Kind::fuse;
  } else if (type == "Metaspace") {
    step.kind = Kind::metaspace;
    ACCEL_TRY(step.text, text_field(section, "replacement", "\xE2\x96\x81", what));
    ACCEL_TRY(const bool prefix, bool_field(section, "add_prefix_space", true, what));
    ACCEL_TRY(const std::string scheme,
              text_field(section, "prepend_scheme", prefix ? "always" : "never", what));
    step.flag = scheme != "never";
  } else if (type == "WordPiece") {
    step.kind = Kind::wordpiece;
    ACCEL_TRY(step.text, text_field(section, "prefix", "##", what));
    ACCEL_TRY(step.flag, bool_field(section, "cleanup", true, what));
  } else if (type == "BPEDecoder") {
    step.kind = Kind::suffix;
    ACCEL_TRY(step.text, text_field(section, "suffix", "</w>", what));
  } else if (type == "Strip") {
    step.kind = Kind::strip;
    ACCEL_TRY(step.text, text_field(section, "content", " ", what));
    ACCEL_TRY(const auto start, count_field(section, "start", what));
    ACCEL_TRY(const auto stop, count_field(section, "stop", what));
    step.start = start.value_or(0);
    step.stop = stop.value_or(0);
  } else if (type == "Replace") {
    step.kind = Kind::replace;
    const nlohmann::json* pattern = find_field(section, "pattern");
    ACCEL_TRY(step.pattern, TextPattern::from_json(pattern == nullptr ? section : *pattern, what));
    ACCEL_TRY(step.content, text_field(section, "content", "", what));
    if (step.content.size() > kMaxContentBytes) {
      return fail(Errc::unsupported, "{}: a decoder's Replace writes {} bytes at most.", what,
                  kMaxContentBytes);
    }
  } else {
    return fail(Errc::unsupported,
                "{}: the decoder {} is not implemented; ByteLevel, Metaspace, WordPiece, "
                "BPEDecoder, ByteFallback, Fuse, Strip, Replace and Sequence are.",
                what, type.empty() ? "without a type" : type);
  }
  const bool seeks =
      step.kind == Kind::metaspace || step.kind == Kind::strip || step.kind == Kind::suffix;
  if (seeks && step.text.empty()) {
    return fail(Errc::corrupt, "{}: the decoder {} seeks an empty text.", what, type);
  }
  return step;
}

void TokenDecoder::apply(const Step& step, Tokens& tokens) {
  switch (step.kind) {
    case Kind::byte_level:
      return join_bytes(tokens);
    case Kind::byte_fallback:
      return fall_back(tokens);
    case Kind::fuse:
      tokens.assign(1, fmt::format("{}", fmt::join(tokens, "")));
      return;
    default:
      break;
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    std::string& token = tokens[i];
    if (step.kind == Kind::metaspace) {
      replace_all(token, step.text, i == 0 && step.flag ? "" : " ");
    } else if (step.kind == Kind::suffix) {
      replace_all(token, step.text, i + 1 == tokens.size() ? "" : " ");
    } else if (step.kind == Kind::strip) {
      token = stripped(token, step.text, step.start, step.stop);
    } else if (step.kind == Kind::replace) {
      token = replaced(token, step.pattern, step.content);
    } else if (i != 0 && token.starts_with(step.text)) {
      token.erase(0, step.text.size());
    } else if (i != 0) {
      token.insert(0, " ");
    }
    if (step.kind == Kind::wordpiece && step.flag) clean_up(token);
  }
}

Result<std::string> TokenDecoder::decode(Tokens tokens) const {
  if (!unsupported_.empty()) return fail(Errc::unsupported, "{}", unsupported_);
  const auto bytes_of = [](const Tokens& list) {
    std::size_t bytes = 0;
    for (const std::string& token : list) bytes += token.size();
    return bytes;
  };
  const std::size_t limit = 32 * bytes_of(tokens) + 4096;  // Replacements could grow without end.
  for (const Step& step : steps_) {
    apply(step, tokens);
    if (bytes_of(tokens) > limit)
      return fail(Errc::corrupt, "The tokenizer's decoder makes more than {} bytes of a text.",
                  limit);
  }
  return fmt::format("{}", fmt::join(tokens, spaced_ ? " " : ""));
}

}  // namespace accel::models
