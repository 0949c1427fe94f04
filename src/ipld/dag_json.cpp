// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/dag_json.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/multibase.hpp"
#include "accel/ipld/utf8.hpp"
#include "json_parts.hpp"
#include "map_order.hpp"

namespace accel::ipld {
namespace {

class Encoder {
 public:
  Status write(const Value& value, std::size_t depth) {
    switch (value.kind()) {
      case ValueKind::null:
        return put("null");
      case ValueKind::boolean:
        return put(*value.as_boolean() ? "true" : "false");
      case ValueKind::integer:
        return put(value.as_integer()->to_string());
      case ValueKind::real:
        if (!std::isfinite(*value.as_real())) {
          return fail(Errc::invalid_argument, "An infinity or NaN has no place in a block.");
        }
        return put(detail::json_float(*value.as_real()));
      case ValueKind::text:
        return put_text(*value.as_text());
      case ValueKind::bytes:  // Its two maps count, as they do for the reader.
        ACCEL_CHECK(check_depth(depth + 2));
        ACCEL_CHECK(put(R"({"/":{"bytes":")"));
        ACCEL_CHECK(put(base_encode(Multibase::base64, *value.as_bytes())));
        return put(R"("}})");
      case ValueKind::list:
        return put_list(*value.as_list(), depth + 1);
      case ValueKind::map:
        return put_map(*value.as_map(), depth + 1);
      case ValueKind::link:
        ACCEL_CHECK(check_depth(depth + 1));
        ACCEL_CHECK(put(R"({"/":")"));
        ACCEL_CHECK(put(value.as_link()->to_string()));
        return put("\"}");
    }
    return {};
  }

  std::string finish() && { return std::move(out_); }

 private:
  Status put(std::string_view piece) {
    if (piece.size() > kMaxBlockBytes || out_.size() > kMaxBlockBytes - piece.size()) {
      return fail(Errc::resource_exhausted, "A dag-json block would have more than {} bytes.",
                  kMaxBlockBytes);
    }
    out_ += piece;
    return {};
  }

  Status put_text(std::string_view text) {
    if (!is_utf8(text)) {
      return fail(Errc::invalid_argument, "A text of {} bytes is not UTF-8.", text.size());
    }
    ACCEL_CHECK(put("\""));
    ACCEL_CHECK(put(detail::json_escaped(text)));
    return put("\"");
  }

  static Status check_depth(std::size_t depth) {
    if (depth <= kMaxValueDepth) return {};
    return fail(Errc::invalid_argument,
                "A value with lists and maps deeper than {} is not written.", kMaxValueDepth);
  }

  Status put_list(const Value::List& items, std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    ACCEL_CHECK(put("["));
    for (const Value& item : items) {
      if (&item != items.data()) ACCEL_CHECK(put(","));
      ACCEL_CHECK(write(item, depth));
    }
    return put("]");
  }

  Status put_map(const Value::Map& map, std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    if (detail::reserved_form(map) != detail::Reserved::none) {
      return fail(Errc::invalid_argument,
                  "A map whose first key is \"/\" would read as a link or as bytes in dag-json; "
                  "write it as dag-cbor.");
    }
    const auto entries = detail::sorted_entries(map, detail::key_before);
    ACCEL_CHECK(detail::check_distinct_keys(entries, Errc::invalid_argument));
    ACCEL_CHECK(put("{"));
    for (const MapEntry* entry : entries) {
      if (entry != entries.front()) ACCEL_CHECK(put(","));
      ACCEL_CHECK(put_text(entry->key));
      ACCEL_CHECK(put(":"));
      ACCEL_CHECK(write(entry->value, depth));
    }
    return put("}");
  }

  std::string out_;
};

}  // namespace

// ECMA-262, Number::toString, from the shortest digits that read back as the same number.
std::string detail::json_float(double number) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(number),
                                 std::chars_format::scientific);
  const std::string_view text(buffer.data(), end.ptr);  // d.ddde+xx
  const std::size_t at = text.find('e');
  int exponent = 0;
  const std::size_t sign = text[at + 1] == '+' ? 1 : 0;  // from_chars() reads no plus.
  std::from_chars(text.data() + at + 1 + sign, end.ptr, exponent);
  std::string digits(1, text[0]);
  if (at > 2) digits += text.substr(2, at - 2);

  const std::string minus = std::signbit(number) ? "-" : "";
  const auto count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // Digits before the point.
  if (point > 21 || point < -5) {
    const std::string fraction = count > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{:+}", minus, digits[0], fraction, exponent);
  }
  if (point <= 0) return minus + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  if (point >= count) {
    return minus + digits + std::string(static_cast<std::size_t>(point - count), '0') + ".0";
  }
  return minus + digits.insert(static_cast<std::size_t>(point), ".");
}

std::string detail::json_escaped(std::string_view text) {
  constexpr std::string_view kLineSeparator = "\u2028";
  constexpr std::string_view kParagraphSeparator = "\u2029";
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char character = text[i];
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      out += '\\';
      out += character;
    } else if (character == '\n' || character == '\r' || character == '\t') {
      out += character == '\n' ? "\\n" : character == '\r' ? "\\r" : "\\t";
    } else if (byte < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", byte);
    } else if (text.substr(i).starts_with(kLineSeparator)) {
      out += "\\u2028";
      i += kLineSeparator.size() - 1;
    } else if (text.substr(i).starts_with(kParagraphSeparator)) {
      out += "\\u2029";
      i += kParagraphSeparator.size() - 1;
    } else {
      out += character;
    }
  }
  return out;
}

// Spec, "The Reserved Namespace": it goes by the first key in the sorted order.
detail::Reserved detail::reserved_form(const Value::Map& map) {
  const auto first = std::ranges::min_element(map, {}, &MapEntry::key);
  if (first == map.end() || first->key != "/") return Reserved::none;
  if (first->value.as_text() != nullptr) return map.size() == 1 ? Reserved::link : Reserved::broken;
  const Value::Map* const inner = first->value.as_map();
  if (inner == nullptr) return Reserved::none;
  const auto bytes = std::ranges::min_element(*inner, {}, &MapEntry::key);
  if (bytes == inner->end() || bytes->key != "bytes" || bytes->value.as_text() == nullptr) {
    return Reserved::none;
  }
  return map.size() == 1 && inner->size() == 1 ? Reserved::bytes : Reserved::broken;
}

Result<std::string> encode_dag_json(const Value& value) {
  Encoder encoder;
  ACCEL_CHECK(encoder.write(value, 0));
  return std::move(encoder).finish();
}

Result<Value> decode_dag_json(std::string_view text, Strictness strictness) {
  if (text.size() > kMaxBlockBytes) {
    return fail(Errc::resource_exhausted, "A block of {} bytes is not read; the limit is {}.",
                text.size(), kMaxBlockBytes);
  }
  ACCEL_TRY(Value value, detail::parse_json(text));
  if (strictness == Strictness::historical) return value;
  // What is written again equal has had the one canonical spelling.
  ACCEL_TRY(const std::string canonical, encode_dag_json(value));
  if (canonical == text) return value;
  const auto differs = std::ranges::mismatch(text, canonical);
  return fail(Errc::corrupt, "Not canonical dag-json, at byte {}: it should be spelled otherwise.",
              differs.in1 - text.begin());
}

}  // namespace accel::ipld
