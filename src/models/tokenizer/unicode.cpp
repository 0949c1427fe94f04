// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/unicode.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>

namespace accel::models {
namespace {

struct CodeRange {
  char32_t first;
  char32_t last;
};
struct LowerRange {
  char32_t first;
  char32_t last;
  std::int32_t distance;
};
struct CategoryRun {
  char32_t first;
  std::uint8_t category;
};
#include "tokenizer/unicode_tables.inc"

// tokenizers' decomposition data is older than these characters, which therefore stay whole.
constexpr CodeRange kKeptWhole[] = {{0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xAB69, 0xAB69},
                                    {0x10781, 0x107BA}, {0x11938, 0x11938}, {0x1E030, 0x1E06D},
                                    {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}};
// A character decomposes into 18 at most (UAX #15: U+FDFA, by compatibility).
constexpr std::size_t kMaxDecomposition = 32;

Category search_category(char32_t c) {
  const auto* const after =
      std::upper_bound(std::begin(kCategory), std::end(kCategory), c,
                       [](char32_t value, const CategoryRun& run) { return value < run.first; });
  return static_cast<Category>(std::prev(after)->category);
}

// The basic plane, where nearly all text is, laid out flat.
struct PlaneCategories {
  std::array<Category, 0x10000> of{};
  PlaneCategories() {
    const CategoryRun* run = std::begin(kCategory);
    for (char32_t c = 0; c < of.size(); ++c) {
      while (std::next(run) != std::end(kCategory) && std::next(run)->first <= c) ++run;
      of[c] = static_cast<Category>(run->category);
    }
  }
};

template <class Range>
const Range* find_range(std::span<const Range> table, char32_t c) {
  const auto after =
      std::upper_bound(table.begin(), table.end(), c,
                       [](char32_t value, const Range& r) { return value < r.first; });
  if (after == table.begin()) return nullptr;
  const Range& range = *std::prev(after);
  return c <= range.last ? &range : nullptr;
}

bool in(std::span<const CodeRange> table, char32_t c) { return find_range(table, c) != nullptr; }

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

int combining_class(char32_t c) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(c))->combining_class;
}

void append_decomposed(char32_t c, int options, CodePoints& out) {
  const char32_t first = (options & UTF8PROC_COMPAT) != 0 ? 0xA0 : 0xC0;
  if (c < first || in(kKeptWhole, c)) {
    out.push_back(c);
    return;
  }
  std::array<utf8proc_int32_t, kMaxDecomposition> parts{};
  int boundary = 0;
  const auto count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts.data(), std::ssize(parts),
                              static_cast<utf8proc_option_t>(options), &boundary);
  if (count <= 0 ||
      count > std::ssize(parts)) {  // Not a character; utf8proc keeps quiet otherwise.
    out.push_back(c);
    return;
  }
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    out.push_back(static_cast<char32_t>(parts[static_cast<std::size_t>(i)]));
  }
}

// Sorts each run of characters with a combining class by that class, stably.
void order_canonically(CodePoints& text) {
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] < 0x300 || combining_class(text[at]) == 0) {
      ++at;
      continue;
    }
    std::size_t end = at + 1;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + static_cast<std::ptrdiff_t>(at),
                     text.begin() + static_cast<std::ptrdiff_t>(end), [](char32_t a, char32_t b) {
                       return combining_class(a) < combining_class(b);
                     });
    at = end;
  }
}

CodePoints decomposed(const CodePoints& text, int options) {
  CodePoints out;
  out.reserve(text.size() + text.size() / 4);
  for (const char32_t c : text) append_decomposed(c, options, out);
  order_canonically(out);
  return out;
}

CodePoints composed(CodePoints text) {
  std::vector<utf8proc_int32_t> buffer(text.begin(), text.end());
  const auto count =
      utf8proc_normalize_utf32(buffer.data(), std::ssize(buffer),
                               static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  if (count < 0) return text;
  return {buffer.begin(), buffer.begin() + count};
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const std::uint8_t lead = byte_at(text, at++);
  if (lead < 0x80) return lead;
  if (lead < 0xC2 || lead > 0xF4) return kReplacement;
  const std::size_t more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  char32_t value = lead & (0x3FU >> more);
  for (std::size_t i = 0; i < more; ++i) {
    if (at >= text.size()) return kReplacement;
    const std::uint8_t next = byte_at(text, at);
    // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xBF;
    if (i == 0) {
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    }
    if (next < low || next > high) return kReplacement;
    value = value << 6 | (next & 0x3FU);
    ++at;
  }
  return value;
}

char32_t code_point_before(std::string_view text, std::size_t end) {
  std::size_t start = end - 1;
  while (start > 0 && end - start < 4 && (byte_at(text, start) & 0xC0U) == 0x80) --start;
  return next_code_point(text, start);
}

void append_utf8(char32_t character, std::string& out) {
  if (character < 0x80) {
    out.push_back(static_cast<char>(character));
    return;
  }
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto count = utf8proc_encode_char(static_cast<utf8proc_int32_t>(character), bytes.data());
  out.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(count));
}

bool is_ascii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const bool replaced = next_code_point(text, at) == kReplacement;
    if (replaced && text.substr(start, at - start) != "\xEF\xBF\xBD") return false;
  }
  return true;
}

bool is_control(char32_t c) { return in(kControl, c); }
bool is_space(char32_t c) { return c < 0x80 ? c == ' ' || (c >= 9 && c <= 13) : in(kSpace, c); }
bool is_punctuation(char32_t c) { return in(kPunctuation, c); }
bool is_nonspacing(char32_t c) { return c >= 0x300 && in(kNonspacing, c); }
bool is_mark(char32_t c) { return c >= 0x300 && in(kMark, c); }
bool is_word(char32_t c) { return in(kWord, c); }

// The ranges of tokenizers' normalizers/bert.rs; 0x2B920 (for 0x2B820) is theirs.
bool is_chinese(char32_t c) {
  if (c < 0x3400) return false;
  return (c >= 0x4E00 && c <= 0x9FFF) || c <= 0x4DBF || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

void append_lower(char32_t c, CodePoints& out) {
  if (c < 0x80) {
    out.push_back(c >= 'A' && c <= 'Z' ? c + 32 : c);
  } else if (c == 0x130) {
    out.push_back('i');
    out.push_back(0x307);
  } else if (const LowerRange* range = find_range(std::span<const LowerRange>(kNewLower), c)) {
    out.push_back(static_cast<char32_t>(static_cast<std::int32_t>(c) + range->distance));
  } else {
    out.push_back(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
  }
}

CodePoints to_nfd(const CodePoints& text) { return decomposed(text, UTF8PROC_DECOMPOSE); }
CodePoints to_nfc(const CodePoints& text) { return composed(to_nfd(text)); }
CodePoints to_nfkd(const CodePoints& text) {
  return decomposed(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
}
CodePoints to_nfkc(const CodePoints& text) { return composed(to_nfkd(text)); }

bool is_numeric(char32_t c) { return category_of(c) == Category::number || in(kNewNumber, c); }

Category category_of(char32_t c) {
  static const PlaneCategories kPlane;
  return c < kPlane.of.size() ? kPlane.of[c] : search_category(c);
}

std::size_t grapheme_end(std::string_view text, std::size_t at) {
  char32_t before = next_code_point(text, at);
  utf8proc_int32_t state = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const char32_t c = next_code_point(text, next);
    if (utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(before),
                                         static_cast<utf8proc_int32_t>(c), &state)) {
      return at;
    }
    before = c;
    at = next;
  }
  return at;
}

}  // namespace accel::models
