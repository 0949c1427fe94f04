// SPDX-License-Identifier: Apache-2.0
#pragma once
// The IPLD data model as one value type: what a block of dag-cbor, dag-json or dag-pb says,
// whichever of them it is written in. Used by dag_cbor, dag_json and codec, and by whoever follows
// a path through a block. Plain values, owned by whoever holds them.
// Spec: ipld.io/docs/data-model/kinds.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::ipld {

// Lists and maps inside each other that one block may hold; readers and writers recurse over them.
inline constexpr std::size_t kMaxValueDepth = 256;
// Values of one block, keys counted too: some 100 MB of them at most, in a block of 4 MiB.
inline constexpr std::size_t kMaxValues = 1'000'000;

// An integer of the data model as CBOR holds it: from -2^64 to 2^64 - 1.
struct Integer {
  bool negative = false;
  std::uint64_t bits = 0;  // The number itself, or -1 - number when it is negative.

  static Integer of(std::int64_t number);
  static Integer of_unsigned(std::uint64_t number) { return {false, number}; }
  // Reads -?(0|[1-9][0-9]*); "-0" is 0. Errors: invalid_argument (else, or out of range).
  static Result<Integer> parse(std::string_view digits);

  std::optional<std::int64_t> as_int64() const;
  std::optional<std::uint64_t> as_uint64() const;
  std::string to_string() const;

  friend bool operator==(const Integer&, const Integer&) = default;
};

enum class ValueKind : std::uint8_t { null, boolean, integer, real, text, bytes, list, map, link };
std::string_view value_kind_name(ValueKind kind);

struct MapEntry;

class Value {
 public:
  using List = std::vector<Value>;
  // In the order in which the block has them; writers sort as their format asks.
  using Map = std::vector<MapEntry>;

  // Out of line, as all that needs MapEntry whole.
  Value();  // null
  Value(const Value& other);
  Value(Value&& other) noexcept;
  Value& operator=(const Value& other);
  Value& operator=(Value&& other) noexcept;
  ~Value();
  static Value boolean(bool value);
  static Value integer(std::int64_t number);
  static Value integer(Integer number);
  static Value real(double number);
  static Value text(std::string value);
  static Value bytes(Bytes value);
  static Value list(List values);
  static Value map(Map entries);
  static Value link(Cid cid);

  ValueKind kind() const { return static_cast<ValueKind>(held_.index()); }
  bool is_null() const { return kind() == ValueKind::null; }
  // nullptr when it is of another kind; they borrow from this value.
  const bool* as_boolean() const { return std::get_if<bool>(&held_); }
  const Integer* as_integer() const { return std::get_if<Integer>(&held_); }
  const double* as_real() const { return std::get_if<double>(&held_); }
  const std::string* as_text() const { return std::get_if<std::string>(&held_); }
  const Bytes* as_bytes() const { return std::get_if<Bytes>(&held_); }
  const List* as_list() const { return std::get_if<List>(&held_); }
  const Map* as_map() const { return std::get_if<Map>(&held_); }
  const Cid* as_link() const;
  // The value of a map under `key`; nullptr if there is none, or this is no map.
  const Value* find(std::string_view key) const;

  // Maps are equal whatever the order of their entries.
  friend bool operator==(const Value& left, const Value& right);

 private:
  using Link = std::shared_ptr<const Cid>;  // Immutable; keeps a Value at 40 bytes.
  using Held =
      std::variant<std::monostate, bool, Integer, double, std::string, Bytes, List, Map, Link>;
  explicit Value(Held held);

  Held held_;
};

struct MapEntry {
  std::string key{};
  Value value{};

  friend bool operator==(const MapEntry&, const MapEntry&) = default;
};

// All links in the value, in the order in which it has them, repeated ones repeated.
std::vector<Cid> links_of(const Value& value);

// How much a reader forgives. Both refuse what has no place in the data model (other tags, NaN,
// repeated keys, indefinite lengths). `canonical` takes the one spelling that the writer makes, so
// that decoding and encoding gives the same bytes. `historical` also reads what other writers made
// over the years: unsorted keys, integers and floats longer or shorter than they should be, white
// space. Content that is named by a CID already is read as historical.
enum class Strictness : std::uint8_t { canonical, historical };

}  // namespace accel::ipld
