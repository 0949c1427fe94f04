// SPDX-License-Identifier: Apache-2.0
// Reads JSON (RFC 8259) as dag-json means it, in any spelling; decode_dag_json() holds it to the
// canonical one.
#include <charconv>

#include "accel/ipld/multibase.hpp"
#include "accel/ipld/utf8.hpp"
#include "json_parts.hpp"
#include "map_order.hpp"

namespace accel::ipld {
namespace {

constexpr std::string_view kSpace = " \t\r\n";
constexpr std::string_view kNumberCharacters = "+-.0123456789Ee";

bool is_digit(char character) { return character >= '0' && character <= '9'; }

// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
bool is_number(std::string_view text) {
  const auto digits = [&text] {
    std::size_t count = 0;
    while (count < text.size() && is_digit(text[count])) ++count;
    const bool leading_zero = count > 1 && text.front() == '0';
    text.remove_prefix(count);
    return count == 0 ? 0 : leading_zero ? 1 : 2;  // None, with a zero in front, good.
  };
  if (text.starts_with('-')) text.remove_prefix(1);
  if (digits() != 2) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

// The base64 of RFC 4648 section 4; old writers padded it.
Result<Bytes> read_base64(std::string_view text) {
  const std::size_t digits = std::min(text.find('='), text.size());
  const bool padded = digits < text.size();
  if (padded && (text.size() % 4 != 0 || text.size() - digits > 2 ||
                 text.find_first_not_of('=', digits) != std::string_view::npos)) {
    return fail(Errc::corrupt, "The padding of a base64 text is wrong.");
  }
  return base_decode(Multibase::base64, text.substr(0, digits));
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Value> whole() {
    ACCEL_TRY(Value value, read(0));
    skip_space();
    if (at_ == text_.size()) return value;
    return bad("something follows the value's end");
  }

 private:
  template <class... Args>
  tl::unexpected<Error> bad(fmt::format_string<Args...> why, Args&&... args) const {
    return fail(Errc::corrupt, "Not dag-json, at byte {}: {}.", at_,
                fmt::format(why, std::forward<Args>(args)...));
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() { at_ = std::min(text_.find_first_not_of(kSpace, at_), text_.size()); }

  bool take(char wanted) {
    skip_space();
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }

  Status charge() {
    if (values_++ < kMaxValues) return {};
    return fail(Errc::resource_exhausted, "A dag-json block has more than {} values.", kMaxValues);
  }

  Result<Value> word(std::string_view spelling, Value value) {
    if (!text_.substr(at_).starts_with(spelling)) return bad("there is no such value");
    at_ += spelling.size();
    return value;
  }

  Result<Value> read(std::size_t depth) {
    ACCEL_CHECK(charge());
    skip_space();
    switch (peek()) {
      case '{':
        return map(depth + 1);
      case '[':
        return list(depth + 1);
      case '"': {
        ACCEL_TRY(std::string value, text());
        return Value::text(std::move(value));
      }
      case 't':
        return word("true", Value::boolean(true));
      case 'f':
        return word("false", Value::boolean(false));
      case 'n':
        return word("null", Value{});
      default:
        return number();
    }
  }

  Result<Value> number() {
    const std::size_t end = std::min(text_.find_first_not_of(kNumberCharacters, at_), text_.size());
    const std::string_view spelling = text_.substr(at_, end - at_);
    if (spelling.empty()) return bad("a value is missing");
    if (!is_number(spelling)) return bad("a number is misspelled");
    if (spelling.find_first_of(".eE") == std::string_view::npos) {
      auto integer = Integer::parse(spelling);
      if (!integer) return bad("an integer lies outside of -2^64 to 2^64 - 1");
      at_ = end;
      return Value::integer(*integer);
    }
    double value = 0;
    const char* const last = spelling.data() + spelling.size();
    const auto [stopped, error] = std::from_chars(spelling.data(), last, value);
    if (error != std::errc{} || stopped != last) return bad("a float is too large or too small");
    at_ = end;
    return Value::real(value);
  }

  Result<std::string> text() {
    const std::size_t start = ++at_;  // Past the quote.
    std::string value;
    for (std::size_t copied = start;;) {
      const char character = peek();
      if (at_ == text_.size()) return bad("a text is cut off");
      if (static_cast<unsigned char>(character) < 0x20)
        return bad("a text has a control character");
      if (character != '"' && character != '\\') {
        ++at_;
        continue;
      }
      value += text_.substr(copied, at_ - copied);
      ++at_;
      if (character == '"') break;
      ACCEL_CHECK(escape(value));
      copied = at_;
    }
    if (!is_utf8(value)) return bad("a text is not UTF-8");
    return value;
  }

  Status escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char letter = peek();
    if (letter == 'u') return unicode_escape(out);
    const std::size_t found = kLetters.find(letter);
    if (letter == '\0' || found == std::string_view::npos) return bad("there is no such escape");
    out.push_back(kMeanings[found]);
    ++at_;
    return {};
  }

  Status unicode_escape(std::string& out) {
    ACCEL_TRY(char32_t code, hex4());
    if (code >= 0xDC00 && code <= 0xDFFF) return bad("half a surrogate pair is no character");
    if (code >= 0xD800 && code <= 0xDBFF) {
      if (peek() != '\\') return bad("half a surrogate pair is no character");
      ++at_;
      ACCEL_TRY(const char32_t low, hex4());
      if (low < 0xDC00 || low > 0xDFFF) return bad("half a surrogate pair is no character");
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    }
    append_utf8(out, code);
    return {};
  }

  Result<char32_t> hex4() {
    constexpr std::size_t kDigits = 4;
    std::uint16_t code = 0;
    const std::string_view digits = text_.substr(at_, 1 + kDigits);
    const char* const last = digits.data() + digits.size();
    if (!digits.starts_with('u') || digits.size() != 1 + kDigits ||
        std::from_chars(digits.data() + 1, last, code, 16).ptr != last) {
      return bad("an escape is not \\u and four hex digits");
    }
    at_ += digits.size();
    return code;
  }

  Status check_depth(std::size_t depth) const {
    if (depth <= kMaxValueDepth) return {};
    return fail(Errc::resource_exhausted, "A dag-json block has lists and maps deeper than {}.",
                kMaxValueDepth);
  }

  Result<Value> list(std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    ++at_;
    Value::List items;
    if (take(']')) return Value::list({});
    do {
      ACCEL_TRY(Value item, read(depth));
      items.push_back(std::move(item));
    } while (take(','));
    if (!take(']')) return bad("a list is not closed");
    return Value::list(std::move(items));
  }

  Result<Value> map(std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    ++at_;
    Value::Map entries;
    if (take('}')) return Value::map({});
    do {
      ACCEL_CHECK(charge());
      skip_space();
      if (peek() != '"') return bad("a key of a map is missing");
      ACCEL_TRY(std::string key, text());
      if (!take(':')) return bad("a key has no value");
      ACCEL_TRY(Value value, read(depth));
      entries.push_back({std::move(key), std::move(value)});
    } while (take(','));
    if (!take('}')) return bad("a map is not closed");
    const auto sorted = detail::sorted_entries(entries, detail::key_before);
    ACCEL_CHECK(detail::check_distinct_keys(sorted, Errc::corrupt));
    return meant(std::move(entries));
  }

  // A map may stand for a link or for bytes.
  Result<Value> meant(Value::Map entries) {
    switch (detail::reserved_form(entries)) {
      case detail::Reserved::none:
        return Value::map(std::move(entries));
      case detail::Reserved::link: {
        auto cid = Cid::parse(*entries.front().value.as_text());
        if (!cid) return bad("a link is broken ({})", cid.error().message);
        return Value::link(*std::move(cid));
      }
      case detail::Reserved::bytes: {
        auto bytes = read_base64(*entries.front().value.find("bytes")->as_text());
        if (!bytes) return bad("bytes are no base64 ({})", bytes.error().message);
        return Value::bytes(*std::move(bytes));
      }
      case detail::Reserved::broken:
        break;
    }
    return bad("a map with the key \"/\" is neither a link nor bytes");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t values_ = 0;
};

}  // namespace

Result<Value> detail::parse_json(std::string_view text) { return Parser(text).whole(); }

}  // namespace accel::ipld
