// SPDX-License-Identifier: Apache-2.0
#include "accel/db/value.hpp"

#include <fmt/format.h>

namespace accel::db {

std::string to_text(const Value& value) {
  struct Writer {
    std::string operator()(Null) const { return {}; }
    std::string operator()(bool item) const { return item ? "true" : "false"; }
    std::string operator()(std::int64_t item) const { return fmt::to_string(item); }
    std::string operator()(double item) const { return fmt::to_string(item); }
    std::string operator()(const std::string& item) const { return item; }
  };
  return std::visit(Writer{}, value);
}

}  // namespace accel::db
