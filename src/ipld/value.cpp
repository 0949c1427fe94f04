// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/value.hpp"

#include <algorithm>
#include <charconv>

#include "map_order.hpp"

namespace accel::ipld {
namespace {

void collect_links(const Value& value, std::vector<Cid>& links) {
  if (const Cid* const cid = value.as_link()) links.push_back(*cid);
  if (const Value::List* const list = value.as_list()) {
    for (const Value& item : *list) collect_links(item, links);
  }
  if (const Value::Map* const map = value.as_map()) {
    for (const MapEntry& entry : *map) collect_links(entry.value, links);
  }
}

bool same_entries(const Value::Map& left, const Value::Map& right) {
  if (left.size() != right.size()) return false;
  const auto a = detail::sorted_entries(left, detail::key_before);
  const auto b = detail::sorted_entries(right, detail::key_before);
  return std::ranges::equal(a, b, [](const auto* x, const auto* y) { return *x == *y; });
}

}  // namespace

Integer Integer::of(std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  return number < 0 ? Integer{true, ~bits} : Integer{false, bits};  // ~n is -1 - n.
}

Result<Integer> Integer::parse(std::string_view digits) {
  const bool negative = digits.starts_with('-');
  const std::string_view number = digits.substr(negative ? 1 : 0);
  if (number.empty() || (number.size() > 1 && number.front() == '0')) {
    return fail(Errc::invalid_argument, "A number of {} characters is no integer.", digits.size());
  }
  if (negative && number == "18446744073709551616") return Integer{true, UINT64_MAX};
  std::uint64_t magnitude = 0;
  const char* const end = number.data() + number.size();
  const auto [stopped, error] = std::from_chars(number.data(), end, magnitude);
  if (stopped != end || error == std::errc::invalid_argument) {
    return fail(Errc::invalid_argument, "A number of {} characters is no integer.", digits.size());
  }
  if (error != std::errc{}) {
    return fail(Errc::invalid_argument,
                "An integer of {} digits is out of range; it goes from -2^64 to 2^64 - 1.",
                number.size());
  }
  return negative && magnitude > 0 ? Integer{true, magnitude - 1} : Integer{false, magnitude};
}

std::optional<std::int64_t> Integer::as_int64() const {
  if (bits > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  const auto value = static_cast<std::int64_t>(bits);
  return negative ? -1 - value : value;
}

std::optional<std::uint64_t> Integer::as_uint64() const {
  if (negative) return std::nullopt;
  return bits;
}

std::string Integer::to_string() const {
  if (!negative) return fmt::format("{}", bits);
  if (bits == UINT64_MAX) return "-18446744073709551616";
  return fmt::format("-{}", bits + 1);
}

std::string_view value_kind_name(ValueKind kind) {
  switch (kind) {
    case ValueKind::null:
      return "null";
    case ValueKind::boolean:
      return "boolean";
    case ValueKind::integer:
      return "integer";
    case ValueKind::real:
      return "float";
    case ValueKind::text:
      return "text";
    case ValueKind::bytes:
      return "bytes";
    case ValueKind::list:
      return "list";
    case ValueKind::map:
      return "map";
    case ValueKind::link:
      return "link";
  }
  return "unknown";
}

Value::Value() = default;
Value::Value(const Value& other) = default;
Value::Value(Value&& other) noexcept = default;
Value& Value::operator=(const Value& other) = default;
Value& Value::operator=(Value&& other) noexcept = default;
Value::~Value() = default;
Value::Value(Held held) : held_(std::move(held)) {}

Value Value::boolean(bool value) { return Value(Held(value)); }
Value Value::integer(std::int64_t number) { return integer(Integer::of(number)); }
Value Value::integer(Integer number) { return Value(Held(number)); }
Value Value::real(double number) { return Value(Held(number)); }
Value Value::text(std::string value) { return Value(Held(std::move(value))); }
Value Value::bytes(Bytes value) { return Value(Held(std::move(value))); }

Value Value::list(List values) { return Value(Held(std::move(values))); }

Value Value::map(Map entries) { return Value(Held(std::move(entries))); }

Value Value::link(Cid cid) { return Value(Held(std::make_shared<const Cid>(std::move(cid)))); }

const Cid* Value::as_link() const {
  const Link* const link = std::get_if<Link>(&held_);
  return link == nullptr ? nullptr : link->get();
}

const Value* Value::find(std::string_view key) const {
  const Map* const map = as_map();
  if (map == nullptr) return nullptr;
  const auto found = std::ranges::find(*map, key, &MapEntry::key);
  return found == map->end() ? nullptr : &found->value;
}

bool operator==(const Value& left, const Value& right) {
  if (left.kind() != right.kind()) return false;
  if (const Cid* const cid = left.as_link()) return *cid == *right.as_link();
  if (const Value::Map* const map = left.as_map()) return same_entries(*map, *right.as_map());
  return left.held_ == right.held_;
}

std::vector<Cid> links_of(const Value& value) {
  std::vector<Cid> links;
  collect_links(value, links);
  return links;
}

}  // namespace accel::ipld
