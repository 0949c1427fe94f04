// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads a method's JSON parameters once each, with types checked; finish() refuses names that
// nothing read. Used by the method handlers of node. Not thread-safe: one per call.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::node {

class Params {
 public:
  // `values` must outlive this object.
  Params(std::string_view method, const nlohmann::json& values)
      : method_(method), values_(&values) {}

  bool given(std::string_view name) { return find(name) != nullptr; }
  std::string text(std::string_view name, std::string fallback);
  std::string required_text(std::string_view name);
  std::vector<std::string> texts(std::string_view name);
  bool flag(std::string_view name, bool fallback = false);
  std::int64_t integer(std::string_view name, std::int64_t fallback);
  // For what is stored narrower than it is sent: a value outside min..max is refused.
  std::int64_t integer_in(std::string_view name, std::int64_t fallback, std::int64_t min,
                          std::int64_t max);
  double number(std::string_view name, double fallback);

  // The first wrong type or missing value, or a parameter that this method does not know. Call it
  // after the last read.
  Status finish() const;

 private:
  const nlohmann::json* find(std::string_view name);
  void refuse(std::string_view name, std::string_view expected);

  std::string method_;
  const nlohmann::json* values_;
  std::vector<std::string> known_;  // A name that was asked for twice is here twice.
  std::optional<Error> error_;
};

}  // namespace accel::node
