// SPDX-License-Identifier: Apache-2.0
#pragma once
// Protobuf messages as JSON, by a table of their fields. Pure, over bytes of strangers. Members are
// named as the fields are; absent ones are left out. Spec: protobuf.dev "Encoding" (proto3);
// unknown fields are passed over. Used by the gRPC side of the Open Inference Protocol.
//   text                 a string in UTF-8
//   blob                 a JSON value of type binary
//   numbers, booleans    themselves
//   Card::list           a list
//   Card::packed         all elements in one value of type binary, little-endian, each as wide as
//                        its type: numbers by the million, which must not become JSON values
//   Card::map            an object; the message has the fields key and value

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::server::proto {

enum class Kind : std::uint8_t {
  text,
  blob,
  boolean,
  int32,
  int64,
  uint32,
  uint64,
  fp32,
  fp64,
  message
};
enum class Card : std::uint8_t { one, list, packed, map };

struct Message;

struct Field {
  std::uint32_t number;
  std::string_view name;
  Kind kind;
  Card card = Card::one;
  const Message* message = nullptr;  // Of Kind::message; with Card::map the value's, or null.
};

struct Message {
  std::string_view name;
  std::span<const Field> fields;  // Ascending by number.
};

// What one message may become: a small one must not fill the memory.
inline constexpr std::size_t kMaxValues = 64U << 10U;  // JSON values.
inline constexpr std::size_t kMaxPacked = 4U << 20U;   // Elements of packed fields.

// Errors: invalid_argument (no such message, text that is no UTF-8), resource_exhausted (more than
// the limits).
Result<nlohmann::json> read(const Message& message, ByteView bytes);

// `value` has members of the fields' types, as read() makes them; others are left out. Appends.
void write(const Message& message, const nlohmann::json& value, std::string& out);

}  // namespace accel::server::proto
