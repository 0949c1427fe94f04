// SPDX-License-Identifier: Apache-2.0
#include "accel/core/json.hpp"

#include <nlohmann/json.hpp>
#include <vector>

namespace accel {
namespace {

constexpr std::size_t kMaxMemberLooks = 4'000'000;  // One object of 2,800 members: 20 ms.

struct Size {
  bool too_deep = false;
  std::size_t values = 1, parts = 0;
};

// Exact for JSON, but for a value too many in each list and object; of what is none it may say
// anything, for the parser refuses that.
Size size_of(std::string_view text, std::size_t max_depth) {
  Size size;
  std::size_t depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;  // Whatever is escaped ends no text.
    if (quoted) continue;
    const bool opens = c == '[' || c == '{';
    if (opens || c == ',') ++size.values;
    if (opens || c == ':') ++size.parts;
    if (opens && ++depth > max_depth) {
      size.too_deep = true;
      return size;
    }
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return size;
}

// How many members are looked at when each is compared with those of its object before it.
std::size_t member_looks(std::string_view text) {
  std::vector<std::size_t> members{0};  // Of the structures around; lists have none.
  std::size_t looks = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') quoted = !quoted;
    if (quoted && c == '\\') ++i;
    if (quoted) continue;
    if (c == '[' || c == '{') members.push_back(0);
    if ((c == ']' || c == '}') && members.size() > 1) members.pop_back();
    if (c == ':') looks += ++members.back();
  }
  return looks;
}

}  // namespace

Status check_ordered_json(std::string_view text, std::string_view what) {
  if (member_looks(text) <= kMaxMemberLooks) return {};
  return fail(Errc::invalid_argument, "{} has objects with too many members (thousands in one).",
              what);
}

Result<nlohmann::json> parse_bounded_json(std::string_view text, std::string_view what,
                                          const JsonLimits& limits) {
  const Size size = size_of(text, limits.depth);
  if (size.too_deep)
    return fail(Errc::invalid_argument, "{} nests deeper than {} levels.", what, limits.depth);
  if (size.values > limits.values || size.parts > limits.parts) {
    return fail(Errc::invalid_argument,
                "{} holds too much: at most {} values, and {} lists, objects and members of "
                "objects among them; send less at a time, or tensors as bytes.",
                what, limits.values, limits.parts);
  }
  nlohmann::json value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return fail(Errc::invalid_argument, "{} is no JSON in UTF-8.", what);
  return value;
}

}  // namespace accel
