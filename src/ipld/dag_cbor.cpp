// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/dag_cbor.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/utf8.hpp"
#include "map_order.hpp"

namespace accel::ipld {
namespace {

// RFC 8949, section 3: the three high bits of an item's first byte.
enum class Major : std::uint8_t { uint, negint, bytes, text, list, map, tag, simple };

constexpr unsigned kMajorShift = 5;
constexpr std::uint8_t kInfoMask = 0x1F;
// The five low bits: below 24 the argument itself, 24 to 27 its size, 31 an indefinite length.
constexpr std::uint8_t kOneByte = 24;
constexpr std::uint8_t kEightBytes = 27;
constexpr std::uint8_t kIndefinite = 31;
// Of major type 7.
constexpr std::uint8_t kFalse = 20;
constexpr std::uint8_t kTrue = 21;
constexpr std::uint8_t kNull = 22;
constexpr std::uint8_t kFloat16 = 25;
constexpr std::uint8_t kFloat32 = 26;
constexpr std::uint8_t kFloat64 = 27;

constexpr std::uint64_t kLinkTag = 42;
constexpr std::uint8_t kLinkPrefix = 0;  // Multibase "identity": history, and obligatory.

// What the first bytes of an item say.
struct Head {
  Major major = Major::uint;
  std::uint8_t info = 0;
  std::uint64_t argument = 0;
};

std::uint8_t first_byte(Major major, std::uint8_t info) {
  return static_cast<std::uint8_t>((static_cast<unsigned>(major) << kMajorShift) | info);
}

double from_half(std::uint64_t bits) {  // RFC 8949, appendix D.
  const auto exponent = static_cast<int>((bits >> 10U) & 0x1FU);
  const auto mantissa = static_cast<double>(bits & 0x3FFU);
  double value = 0;
  if (exponent == 0) {
    value = std::ldexp(mantissa, -24);
  } else if (exponent != 31) {
    value = std::ldexp(mantissa + 1024, exponent - 25);
  } else {
    value = std::numeric_limits<double>::infinity();  // Or no number: both are refused.
  }
  return (bits & 0x8000U) != 0 ? -value : value;
}

class Decoder {
 public:
  Decoder(ByteView block, Strictness strictness)
      : rest_(block), size_(block.size()), canonical_(strictness == Strictness::canonical) {}

  Result<Value> whole() {
    ACCEL_CHECK(charge(1));
    ACCEL_TRY(Value value, read(0));
    if (rest_.empty()) return value;
    return bad("{} bytes follow the value's end", rest_.size());
  }

 private:
  template <class... Args>
  tl::unexpected<Error> bad(fmt::format_string<Args...> why, Args&&... args) const {
    return fail(Errc::corrupt, "Not dag-cbor, at byte {}: {}.", size_ - rest_.size(),
                fmt::format(why, std::forward<Args>(args)...));
  }

  Result<ByteView> take(std::uint64_t size) {
    if (size > rest_.size()) return bad("{} bytes are promised, {} are left", size, rest_.size());
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  // Promised items are paid for before room is made for them.
  Status charge(std::uint64_t values) {
    if (values > kMaxValues - values_) {
      return fail(Errc::resource_exhausted, "A dag-cbor block has more than {} values.",
                  kMaxValues);
    }
    values_ += values;
    return {};
  }

  Result<Head> head() {
    ACCEL_TRY(const ByteView first, take(1));
    Head head{static_cast<Major>(first[0] >> kMajorShift),
              static_cast<std::uint8_t>(first[0] & kInfoMask), 0};
    if (head.info == kIndefinite) return bad("indefinite lengths and breaks have no place here");
    if (head.info > kEightBytes) return bad("there is no item 0x{:02x}", first[0]);
    if (head.info < kOneByte) {
      head.argument = head.info;
      return head;
    }
    const std::size_t bytes = std::size_t{1} << (head.info - kOneByte);
    ACCEL_TRY(const ByteView argument, take(bytes));
    for (const std::uint8_t byte : argument) head.argument = (head.argument << 8U) | byte;
    // The least number that needs this many bytes: 24, 2^8, 2^16, 2^32.
    const std::uint64_t least = bytes == 1 ? kOneByte : std::uint64_t{1} << (bytes * 4);
    if (canonical_ && head.major != Major::simple && head.argument < least) {
      return bad("the number {} is not in its shortest form", head.argument);
    }
    return head;
  }

  Result<Value> read(std::size_t depth) {
    ACCEL_TRY(const Head item, head());
    switch (item.major) {
      case Major::uint:
      case Major::negint:
        return Value::integer(Integer{item.major == Major::negint, item.argument});
      case Major::bytes: {
        ACCEL_TRY(const ByteView taken, take(item.argument));
        return Value::bytes(to_bytes(taken));
      }
      case Major::text: {
        ACCEL_TRY(const std::string_view taken, text(item.argument));
        return Value::text(std::string(taken));
      }
      case Major::list:
        return list(item.argument, depth + 1);
      case Major::map:
        return map(item.argument, depth + 1);
      case Major::tag:
        return link(item.argument);
      case Major::simple:
        break;
    }
    return simple(item);
  }

  Result<std::string_view> text(std::uint64_t size) {
    ACCEL_TRY(const ByteView taken, take(size));
    if (canonical_ && !is_utf8(as_text(taken))) return bad("a text is not UTF-8");
    return as_text(taken);
  }

  Status check_depth(std::size_t depth) const {
    if (depth <= kMaxValueDepth) return {};
    return fail(Errc::resource_exhausted, "A dag-cbor block has lists and maps deeper than {}.",
                kMaxValueDepth);
  }

  Result<Value> list(std::uint64_t count, std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    if (count > rest_.size()) return bad("a list of {} items is cut off", count);
    ACCEL_CHECK(charge(count));
    Value::List items;
    items.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      ACCEL_TRY(Value item, read(depth));
      items.push_back(std::move(item));
    }
    return Value::list(std::move(items));
  }

  Result<Value> map(std::uint64_t count, std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    if (count > rest_.size() / 2) return bad("a map of {} entries is cut off", count);
    ACCEL_CHECK(charge(2 * count));
    Value::Map entries;
    entries.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      ACCEL_TRY(const Head key, head());
      if (key.major != Major::text) return bad("a key of a map is not text");
      ACCEL_TRY(const std::string_view name, text(key.argument));
      if (canonical_ && i > 0 && !detail::short_key_before(entries.back().key, name)) {
        return bad("the keys of a map are repeated or not sorted");
      }
      ACCEL_TRY(Value value, read(depth));
      entries.push_back({std::string(name), std::move(value)});
    }
    if (!canonical_) {
      const auto sorted = detail::sorted_entries(entries, detail::short_key_before);
      ACCEL_CHECK(detail::check_distinct_keys(sorted, Errc::corrupt));
    }
    return Value::map(std::move(entries));
  }

  Result<Value> link(std::uint64_t tag) {
    if (tag != kLinkTag) return bad("the tag {} is not known; only links (42) are tagged", tag);
    ACCEL_TRY(const Head item, head());
    if (item.major != Major::bytes) return bad("a link is not written as bytes");
    ACCEL_TRY(const ByteView bytes, take(item.argument));
    if (bytes.empty() || bytes[0] != kLinkPrefix) return bad("a link does not begin with 0x00");
    auto cid = Cid::from_bytes(bytes.subspan(1));
    if (!cid) return fail(Errc::corrupt, "A link is broken. {}", cid.error().message);
    return Value::link(*std::move(cid));
  }

  Result<Value> simple(const Head& item) {
    switch (item.info) {
      case kFalse:
      case kTrue:
        return Value::boolean(item.info == kTrue);
      case kNull:
        return Value{};
      case kFloat16:
      case kFloat32:
        if (canonical_) return bad("a float has fewer than 64 bits");
        return real(item.info == kFloat16
                        ? from_half(item.argument)
                        : std::bit_cast<float>(static_cast<std::uint32_t>(item.argument)));
      case kFloat64:
        return real(std::bit_cast<double>(item.argument));
      default:
        return bad("a simple value is not true, false or null");
    }
  }

  Result<Value> real(double number) const {
    if (std::isfinite(number)) return Value::real(number);
    return bad("a float is infinite or not a number");
  }

  ByteView rest_;
  std::size_t size_;
  bool canonical_;
  std::size_t values_ = 0;
};

class Encoder {
 public:
  Status write(const Value& value, std::size_t depth) {
    switch (value.kind()) {
      case ValueKind::null:
        out_.push_back(first_byte(Major::simple, kNull));
        return {};
      case ValueKind::boolean:
        out_.push_back(first_byte(Major::simple, *value.as_boolean() ? kTrue : kFalse));
        return {};
      case ValueKind::integer:
        put_head(value.as_integer()->negative ? Major::negint : Major::uint,
                 value.as_integer()->bits);
        return {};
      case ValueKind::real:
        return put_real(*value.as_real());
      case ValueKind::text:
        return put_text(*value.as_text());
      case ValueKind::bytes:
        return put_string(Major::bytes, *value.as_bytes());
      case ValueKind::list:
        return put_list(*value.as_list(), depth + 1);
      case ValueKind::map:
        return put_map(*value.as_map(), depth + 1);
      case ValueKind::link:
        put_link(*value.as_link());
        return {};
    }
    return {};
  }

  Result<Bytes> finish() && {
    ACCEL_CHECK(check_size(0));
    return std::move(out_);
  }

 private:
  Status check_size(std::size_t more) const {
    if (more <= kMaxBlockBytes && out_.size() <= kMaxBlockBytes - more) return {};
    return fail(Errc::resource_exhausted, "A dag-cbor block would have more than {} bytes.",
                kMaxBlockBytes);
  }

  static Status check_depth(std::size_t depth) {
    if (depth <= kMaxValueDepth) return {};
    return fail(Errc::invalid_argument,
                "A value with lists and maps deeper than {} is not written.", kMaxValueDepth);
  }

  void put_head(Major major, std::uint64_t argument) {
    if (argument < kOneByte) {
      out_.push_back(first_byte(major, static_cast<std::uint8_t>(argument)));
      return;
    }
    std::uint8_t info = kOneByte;
    while (info < kEightBytes && (argument >> (8U << (info - kOneByte))) != 0) ++info;
    out_.push_back(first_byte(major, info));
    put_big_endian(argument, std::size_t{1} << (info - kOneByte));
  }

  void put_big_endian(std::uint64_t number, std::size_t bytes) {
    while (bytes-- > 0) out_.push_back(static_cast<std::uint8_t>(number >> (8 * bytes)));
  }

  Status put_string(Major major, ByteView bytes) {
    ACCEL_CHECK(check_size(bytes.size()));
    put_head(major, bytes.size());
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    return {};
  }

  Status put_text(std::string_view text) {
    if (is_utf8(text)) return put_string(Major::text, as_bytes(text));
    return fail(Errc::invalid_argument, "A text of {} bytes is not UTF-8.", text.size());
  }

  Status put_real(double number) {
    if (!std::isfinite(number)) {
      return fail(Errc::invalid_argument, "An infinity or NaN has no place in a block.");
    }
    out_.push_back(first_byte(Major::simple, kFloat64));
    put_big_endian(std::bit_cast<std::uint64_t>(number), sizeof(number));
    return {};
  }

  Status put_list(const Value::List& items, std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    ACCEL_CHECK(check_size(items.size()));
    put_head(Major::list, items.size());
    for (const Value& item : items) ACCEL_CHECK(write(item, depth));
    return {};
  }

  Status put_map(const Value::Map& map, std::size_t depth) {
    ACCEL_CHECK(check_depth(depth));
    ACCEL_CHECK(check_size(map.size()));
    const auto entries = detail::sorted_entries(map, detail::short_key_before);
    ACCEL_CHECK(detail::check_distinct_keys(entries, Errc::invalid_argument));
    put_head(Major::map, entries.size());
    for (const MapEntry* entry : entries) {
      ACCEL_CHECK(put_text(entry->key));
      ACCEL_CHECK(write(entry->value, depth));
    }
    return {};
  }

  void put_link(const Cid& cid) {
    put_head(Major::tag, kLinkTag);
    put_head(Major::bytes, cid.size_bytes() + 1);
    out_.push_back(kLinkPrefix);
    cid.append_to(out_);
  }

  Bytes out_;
};

}  // namespace

Result<Bytes> encode_dag_cbor(const Value& value) {
  Encoder encoder;
  ACCEL_CHECK(encoder.write(value, 0));
  return std::move(encoder).finish();
}

Result<Value> decode_dag_cbor(ByteView block, Strictness strictness) {
  if (block.size() > kMaxBlockBytes) {
    return fail(Errc::resource_exhausted, "A block of {} bytes is not read; the limit is {}.",
                block.size(), kMaxBlockBytes);
  }
  return Decoder(block, strictness).whole();
}

}  // namespace accel::ipld
