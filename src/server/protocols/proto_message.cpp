// SPDX-License-Identifier: Apache-2.0
#include "protocols/proto_message.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "accel/ipld/protobuf.hpp"
#include "accel/ipld/utf8.hpp"

namespace accel::server::proto {
namespace {

using ipld::PbField;
using ipld::PbReader;
using ipld::WireType;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "Packed elements are copied as they lie");

WireType wire_of(Kind kind) {
  switch (kind) {
    case Kind::text:
    case Kind::blob:
    case Kind::message:
      return WireType::bytes;
    case Kind::fp32:
      return WireType::fixed32;
    case Kind::fp64:
      return WireType::fixed64;
    default:
      return WireType::varint;
  }
}

std::size_t width_of(Kind kind) {
  switch (kind) {
    case Kind::boolean:
      return 1;
    case Kind::int32:
    case Kind::uint32:
    case Kind::fp32:
      return 4;
    default:
      return 8;
  }
}

template <class T>
void append_as(json::binary_t& out, T value) {
  std::array<std::uint8_t, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

class Reader {
 public:
  Status read(const Message& message, ByteView bytes, json& out) {
    if (!out.is_object()) out = json::object();
    PbReader fields(bytes);
    while (!fields.done()) {
      auto field = fields.next();
      if (!field) return broken(message, field.error().message);
      const auto known = std::ranges::find(message.fields, field->number, &Field::number);
      if (known == message.fields.end()) continue;
      ACCEL_CHECK(take(message, *known, *field, out[std::string(known->name)]));
    }
    return {};
  }

 private:
  static tl::unexpected<Error> broken(const Message& message, std::string_view why) {
    return fail(Errc::invalid_argument, "The message is no {} in protobuf: {}", message.name, why);
  }

  Status count(std::size_t& counter, std::size_t more, std::size_t most, const Message& message) {
    counter += more;
    if (counter <= most) return {};
    return fail(Errc::resource_exhausted,
                "The message {} has more than {} values; send large tensors as raw bytes.",
                message.name, most);
  }

  Status take(const Message& message, const Field& known, const PbField& field, json& slot) {
    if (known.card == Card::packed) return take_packed(message, known, field, slot);
    ACCEL_CHECK(count(values_, 1, kMaxValues, message));
    const bool packed_list = known.card == Card::list && field.type == WireType::bytes &&
                             wire_of(known.kind) == WireType::varint;
    if (known.card == Card::list && slot.is_null()) slot = json::array();
    if (packed_list) return take_list(message, known, field, slot);
    if (known.card == Card::map) return take_entry(message, known, field, slot);
    if (field.type != wire_of(known.kind))
      return broken(message, fmt::format("{} has another wire type.", known.name));
    if (known.card == Card::one) return take_value(message, known, field, slot);
    json value;
    ACCEL_CHECK(take_value(message, known, field, value));
    slot.push_back(std::move(value));
    return {};
  }

  Status take_value(const Message& message, const Field& known, const PbField& field, json& out) {
    const std::string_view text = as_text(field.bytes);
    switch (known.kind) {
      case Kind::message:
        return read(*known.message, field.bytes, out);
      case Kind::text:
        if (!ipld::is_utf8(text))
          return broken(message, fmt::format("{} is no text in UTF-8.", known.name));
        out = std::string(text);
        return {};
      case Kind::blob:
        out = json::binary({field.bytes.begin(), field.bytes.end()});
        return {};
      default:
        out = number(known.kind, field.value);
        return {};
    }
  }

  static json number(Kind kind, std::uint64_t bits) {
    switch (kind) {
      case Kind::boolean:
        return bits != 0;
      case Kind::int32:
        return static_cast<std::int32_t>(static_cast<std::uint32_t>(bits));
      case Kind::int64:
        return signed_of(static_cast<std::int64_t>(bits));
      case Kind::uint32:
        return static_cast<std::uint32_t>(bits);
      case Kind::fp32:
        return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
      case Kind::fp64:
        return std::bit_cast<double>(bits);
      default:
        return bits;
    }
  }

  // As the JSON parser would have it: what is not negative is unsigned.
  static json signed_of(std::int64_t value) {
    if (value < 0) return value;
    return static_cast<std::uint64_t>(value);
  }

  Status take_list(const Message& message, const Field& known, const PbField& field, json& slot) {
    PbReader list(field.bytes);
    while (!list.done()) {
      ACCEL_CHECK(count(values_, 1, kMaxValues, message));
      const auto bits = list.varint();
      if (!bits) return broken(message, bits.error().message);
      slot.push_back(number(known.kind, *bits));
    }
    return {};
  }

  Status take_packed(const Message& message, const Field& known, const PbField& field, json& slot) {
    if (slot.is_null()) slot = json::binary({});
    json::binary_t& out = slot.get_binary();
    const std::size_t width = width_of(known.kind);
    if (field.type == wire_of(known.kind)) {  // Unpacked: one element.
      ACCEL_CHECK(count(packed_, 1, kMaxPacked, message));
      append(known.kind, field.value, out);
      return {};
    }
    if (field.type != WireType::bytes)
      return broken(message, fmt::format("{} has another wire type.", known.name));
    if (wire_of(known.kind) != WireType::varint) {
      if (field.bytes.size() % width != 0)
        return broken(message, fmt::format("{} ends within an element.", known.name));
      ACCEL_CHECK(count(packed_, field.bytes.size() / width, kMaxPacked, message));
      out.insert(out.end(), field.bytes.begin(), field.bytes.end());
      return {};
    }
    PbReader list(field.bytes);
    while (!list.done()) {
      ACCEL_CHECK(count(packed_, 1, kMaxPacked, message));
      const auto bits = list.varint();
      if (!bits) return broken(message, bits.error().message);
      append(known.kind, *bits, out);
    }
    return {};
  }

  static void append(Kind kind, std::uint64_t bits, json::binary_t& out) {
    switch (width_of(kind)) {
      case 1:
        return append_as(out, static_cast<std::uint8_t>(bits != 0));
      case 4:
        return append_as(out, static_cast<std::uint32_t>(bits));
      default:
        return append_as(out, bits);
    }
  }

  // A later entry of the same key replaces the earlier one.
  Status take_entry(const Message& message, const Field& known, const PbField& field, json& slot) {
    if (field.type != WireType::bytes)
      return broken(message, fmt::format("{} has another wire type.", known.name));
    const std::array<Field, 2> fields{
        {{1, "key", Kind::text}, {2, "value", Kind::message, Card::one, known.message}}};
    json entry;
    ACCEL_CHECK(read({known.name, fields}, field.bytes, entry));
    if (slot.is_null()) slot = json::object();
    slot[entry.value("key", std::string())] =
        entry.contains("value") ? std::move(entry["value"]) : json::object();
    return {};
  }

  std::size_t values_ = 0;
  std::size_t packed_ = 0;
};

void put_varint(std::string& out, std::uint64_t value) {
  for (; value > 0x7F; value >>= 7U) out.push_back(static_cast<char>(value | 0x80U));
  out.push_back(static_cast<char>(value));
}

void put_tag(std::string& out, std::uint32_t number, WireType type) {
  put_varint(out, std::uint64_t{number} << 3U | static_cast<std::uint64_t>(type));
}

void put_bytes(std::string& out, std::uint32_t number, std::string_view bytes) {
  put_tag(out, number, WireType::bytes);
  put_varint(out, bytes.size());
  out += bytes;
}

template <class T>
void put_fixed(std::string& out, T value) {
  std::array<char, sizeof(T)> bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  out.append(bytes.data(), bytes.size());
}

// The bits of a varint, negative numbers in ten bytes.
std::uint64_t bits_of(const json& value) {
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_number_unsigned()) return value.get<std::uint64_t>();
  return value.is_number() ? static_cast<std::uint64_t>(value.get<std::int64_t>()) : 0;
}

void write_value(const Field& field, const json& value, std::string& out) {
  switch (field.kind) {
    case Kind::text:
      if (value.is_string()) put_bytes(out, field.number, value.get_ref<const std::string&>());
      return;
    case Kind::blob: {
      if (!value.is_binary()) return;
      const auto& bytes = value.get_binary();
      put_bytes(out, field.number, as_text(ByteView(bytes)));
      return;
    }
    case Kind::message: {
      std::string inner;
      write(*field.message, value, inner);
      put_bytes(out, field.number, inner);
      return;
    }
    case Kind::fp32:
      put_tag(out, field.number, WireType::fixed32);
      return put_fixed(out, value.is_number() ? value.get<float>() : 0.0F);
    case Kind::fp64:
      put_tag(out, field.number, WireType::fixed64);
      return put_fixed(out, value.is_number() ? value.get<double>() : 0.0);
    default:
      put_tag(out, field.number, WireType::varint);
      put_varint(out, bits_of(value));
  }
}

}  // namespace

Result<json> read(const Message& message, ByteView bytes) {
  json out = json::object();
  ACCEL_CHECK(Reader().read(message, bytes, out));
  return out;
}

void write(const Message& message, const json& value, std::string& out) {
  for (const Field& field : message.fields) {
    const auto found = value.find(field.name);
    if (found == value.end() || found->is_null()) continue;
    if (field.card == Card::list) {
      for (const json& item : *found) write_value(field, item, out);
    } else if (field.card == Card::map) {
      const std::array<Field, 2> entry{
          {{1, "key", Kind::text}, {2, "value", Kind::message, Card::one, field.message}}};
      for (const auto& [key, item] : found->items()) {
        std::string inner;
        write({field.name, entry}, json{{"key", key}, {"value", item}}, inner);
        put_bytes(out, field.number, inner);
      }
    } else if (field.card == Card::one) {
      write_value(field, *found, out);
    }
  }
}

}  // namespace accel::server::proto
