// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random values of the data model, for round-trip properties. Test code only.

#include <bit>
#include <cmath>

#include "accel/ipld/value.hpp"
#include "property_support.hpp"

namespace accel::ipld::testing {

class ValueGenerator {
 public:
  // dag-json has no way to write a map whose first key is "/": leave that key out for it.
  explicit ValueGenerator(bool with_slash) : with_slash_(with_slash) {}

  Value value(std::size_t depth = 4) {
    switch (random_.below(depth == 0 ? 7 : 9)) {
      case 0:
        return {};
      case 1:
        return Value::boolean(random_.coin());
      case 2:
        return Value::integer(Integer{random_.coin(), random_.number()});
      case 3:
        return Value::real(real());
      case 4:
        return Value::text(text());
      case 5:
        return Value::bytes(random_.bytes_up_to(40));
      case 6:
        return Value::link(random_.cid());
      case 7:
        return list(depth - 1);
      default:
        return map(depth - 1);
    }
  }

 private:
  double real() {
    if (random_.coin()) return static_cast<double>(random_.number()) / 1000 - 1e6;
    for (;;) {
      const auto number = std::bit_cast<double>(random_.below(UINT64_MAX));
      if (std::isfinite(number)) return number;
    }
  }

  std::string text() {
    static const std::vector<std::string> pieces{
        "a",    "Z",    "/", "bytes", "\"", "\\",     "\n", "\t", std::string(1, '\0'),
        "\x1f", "\x7f", "é", "☺",     "𐅑",  "\u2028", " ",  "0",  "\b"};
    std::string text;
    for (std::uint64_t left = random_.below(8); left > 0; --left) {
      text += pieces[random_.below(pieces.size())];
    }
    return text;
  }

  Value list(std::size_t depth) {
    Value::List items;
    for (std::uint64_t left = random_.below(5); left > 0; --left) items.push_back(value(depth));
    return Value::list(std::move(items));
  }

  Value map(std::size_t depth) {
    Value::Map entries;
    for (std::uint64_t left = random_.below(5); left > 0; --left) {
      std::string key = text();
      if (!with_slash_ && key == "/") continue;
      if (Value::map(entries).find(key) != nullptr) continue;
      entries.push_back({std::move(key), value(depth)});
    }
    return Value::map(std::move(entries));
  }

  Generator random_;
  bool with_slash_;
};

inline Value nested_lists(std::size_t depth, Value value = {}) {
  for (std::size_t i = 0; i < depth; ++i) {
    Value::List list;
    list.push_back(std::move(value));
    value = Value::list(std::move(list));
  }
  return value;
}

}  // namespace accel::ipld::testing
