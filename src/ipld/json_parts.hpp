// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parts that dag-json's reader and writer share. Private to ipld.

#include <string>
#include <string_view>

#include "accel/ipld/value.hpp"

namespace accel::ipld::detail {

// How dag-json reads a map: `link` and `bytes` hold one text each, `broken` is forbidden.
enum class Reserved : std::uint8_t { none, link, bytes, broken };
Reserved reserved_form(const Value::Map& map);

// `number` is finite.
std::string json_float(double number);
// `text` is UTF-8; without the quotes.
std::string json_escaped(std::string_view text);

// Reads any spelling. Errors: corrupt, resource_exhausted, as decode_dag_json().
Result<Value> parse_json(std::string_view text);

}  // namespace accel::ipld::detail
