// SPDX-License-Identifier: Apache-2.0
#include "xml.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace accel::hub {
namespace {

constexpr std::size_t kMaxNameBytes = 64;
constexpr std::string_view kBlanks = " \t\r\n";
constexpr std::pair<std::string_view, char> kEntities[] = {
    {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};

tl::unexpected<Error> no_xml(std::string_view what) {
  return fail(Errc::corrupt, "The answer is no XML that S3 writes: {}.", what);
}

bool is_name_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == ':';
}

// XML 1.0, section 2.2.
bool is_character(std::uint32_t code) {
  if (code < 0x20) return code == '\t' || code == '\n' || code == '\r';
  return code < 0xD800 || (code >= 0xE000 && code <= 0xFFFD) ||
         (code >= 0x10000 && code <= 0x10FFFF);
}

void put_utf8(std::string& out, std::uint32_t code) {
  const auto tail = [&](unsigned shift) {
    out += static_cast<char>(0x80U | ((code >> shift) & 0x3FU));
  };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0U | (code >> 6U));
    tail(0);
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0U | (code >> 12U));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0U | (code >> 18U));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Result<XmlElement> document() {
    skip("\xEF\xBB\xBF");
    if (skip("<?xml") && !skip_past("?>")) return no_xml("its declaration does not end");
    ACCEL_CHECK(skip_between());
    XmlElement root;
    ACCEL_CHECK(element(root, 1));
    ACCEL_CHECK(skip_between());
    if (!rest_.empty()) return no_xml("something follows its end");
    return root;
  }

 private:
  bool skip(std::string_view wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }
  bool skip_past(std::string_view wanted) {
    const std::size_t at = rest_.find(wanted);
    if (at == rest_.npos) return false;
    rest_.remove_prefix(at + wanted.size());
    return true;
  }
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
  }
  // Blanks and comments around the root.
  Status skip_between() {
    for (skip_blanks(); skip("<!--"); skip_blanks()) {
      if (!skip_past("-->")) return no_xml("a comment does not end");
    }
    return {};
  }

  Result<std::string> name() {
    const auto end = std::ranges::find_if_not(rest_, is_name_letter);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    if (size == 0 || size > kMaxNameBytes) return no_xml("a name is missing, or too long");
    std::string found(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return found;
  }

  // Up to '>' or '/'.
  Status skip_attributes() {
    for (skip_blanks(); !rest_.empty() && rest_[0] != '>' && rest_[0] != '/'; skip_blanks()) {
      ACCEL_CHECK(name());
      skip_blanks();
      if (!skip("=")) return no_xml("an attribute has no value");
      skip_blanks();
      const std::string_view quote = rest_.substr(0, 1);
      const bool quoted = (skip("\"") || skip("'")) && skip_past(quote);
      if (!quoted) return no_xml("an attribute's value is not quoted");
    }
    return {};
  }

  Status element(XmlElement& made, std::size_t depth) {
    if (depth > kMaxXmlDepth) return no_xml("its elements are nested too deeply");
    if (++elements_ > kMaxXmlElements) return no_xml("it has too many elements");
    if (!skip("<")) return no_xml("an element is missing");
    ACCEL_TRY(made.name, name());
    ACCEL_CHECK(skip_attributes());
    if (skip("/>")) return {};
    if (!skip(">")) return no_xml("a tag does not end");
    while (!skip("</")) ACCEL_CHECK(content(made, depth));
    ACCEL_TRY(const std::string closed, name());
    skip_blanks();
    if (closed == made.name && skip(">")) return {};
    return no_xml("an element is not closed by its own name");
  }

  // One child, comment, section of text or run of text; never nothing.
  Status content(XmlElement& made, std::size_t depth) {
    if (rest_.empty()) return no_xml("it ends inside an element");
    if (skip("<!--")) return skip_past("-->") ? Status{} : no_xml("a comment does not end");
    if (skip("<![CDATA[")) {
      const std::size_t end = rest_.find("]]>");
      if (end == rest_.npos) return no_xml("a section of text does not end");
      ACCEL_CHECK(add_text(made, rest_.substr(0, end)));
      rest_.remove_prefix(end + 3);
      return {};
    }
    if (rest_[0] == '<') {
      made.children.emplace_back();
      return element(made.children.back(), depth + 1);
    }
    if (rest_[0] == '&') return entity(made);
    const std::size_t end = std::min(rest_.find_first_of("<&"), rest_.size());
    ACCEL_CHECK(add_text(made, rest_.substr(0, end)));
    rest_.remove_prefix(end);
    return {};
  }

  Status add_text(XmlElement& made, std::string_view text) {
    const bool printable = std::ranges::all_of(
        text, [](char c) { return is_character(static_cast<unsigned char>(c)); });
    if (!printable) return no_xml("it holds a control character");
    if (made.text.size() + text.size() > kMaxXmlTextBytes) return no_xml("a text is too long");
    made.text += text;
    return {};
  }

  Status entity(XmlElement& made) {
    constexpr std::size_t kMaxEntityBytes = 10;
    const std::size_t end = rest_.substr(0, kMaxEntityBytes + 2).find(';');
    if (end == rest_.npos) return no_xml("an entity does not end");
    const std::string_view name = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    const auto known =
        std::ranges::find(kEntities, name, &std::pair<std::string_view, char>::first);
    if (known != std::end(kEntities)) return add_text(made, std::string_view(&known->second, 1));
    const auto code = character_of(name);
    if (!code) return no_xml("it has an entity that XML itself does not define");
    std::string text;
    put_utf8(text, *code);
    return add_text(made, text);
  }

  // "#65" or "#x41".
  static std::optional<std::uint32_t> character_of(std::string_view name) {
    const bool is_hex = name.starts_with("#x");
    if (!name.starts_with('#')) return std::nullopt;
    name.remove_prefix(is_hex ? 2 : 1);
    std::uint32_t code = 0;
    const auto read =
        std::from_chars(name.data(), name.data() + name.size(), code, is_hex ? 16 : 10);
    const bool whole = read.ec == std::errc() && read.ptr == name.data() + name.size();
    return whole && is_character(code) ? std::optional(code) : std::nullopt;
  }

  std::string_view rest_;
  std::size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::child(std::string_view wanted) const {
  const auto found = std::ranges::find(children, wanted, &XmlElement::name);
  return found == children.end() ? nullptr : &*found;
}

std::string XmlElement::text_of(std::string_view wanted) const {
  const XmlElement* const found = child(wanted);
  return found == nullptr ? std::string() : found->text;
}

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) continue;
    const std::size_t tail = lead >= 0xF0 ? 3 : (lead >= 0xE0 ? 2 : 1);
    constexpr std::uint32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (lead < 0xC0 || lead > 0xF4 || text.size() - at < tail) return false;
    std::uint32_t code = lead & (0x3FU >> tail);
    for (const char c : text.substr(at, tail)) {
      const auto byte = static_cast<unsigned char>(c);
      if ((byte & 0xC0U) != 0x80) return false;
      code = (code << 6U) | (byte & 0x3FU);
    }
    at += tail;
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    if (code < kLeast[tail] || code > 0x10FFFF || is_surrogate) return false;
  }
  return true;
}

Result<XmlElement> parse_xml(std::string_view text) {
  if (text.size() > kMaxXmlBytes) return no_xml("it is too long");
  if (!is_utf8(text)) return no_xml("it is not in UTF-8");
  return Reader(text).document();
}

}  // namespace accel::hub
