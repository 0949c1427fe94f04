// SPDX-License-Identifier: Apache-2.0
#pragma once
// Header fields of a request or a reply, in order, names compared without case (RFC 9110 section
// 5). A plain value.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace accel::net {

// ASCII only, as header names and schemes are.
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower_ascii(std::string_view text);
// Without the blanks and tabs around it.
std::string_view trim_blanks(std::string_view text);

struct HeaderField {
  std::string name;
  std::string value;
  bool operator==(const HeaderField&) const = default;
};

class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<HeaderField> fields) : fields_(fields) {}

  void add(std::string name, std::string value);
  // Replaces every field of that name by this one.
  void set(std::string name, std::string value);
  void erase(std::string_view name);

  // The first value; the view lives as long as this object is not changed.
  std::optional<std::string_view> get(std::string_view name) const;
  std::string_view get_or(std::string_view name, std::string_view otherwise) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  std::size_t count(std::string_view name) const;
  // All values of a list header joined with ", ".
  std::string combined(std::string_view name) const;
  // True when a comma-separated list header holds this token: has_token("Connection", "close").
  bool has_token(std::string_view name, std::string_view token) const;

  bool empty() const { return fields_.empty(); }
  std::size_t size() const { return fields_.size(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<HeaderField> fields_;
};

// Whether Content-Length names more bytes; a number that is none is for the parser to refuse.
bool announces_more_than(const Headers& headers, std::uint64_t limit);

}  // namespace accel::net
