// SPDX-License-Identifier: Apache-2.0
#include "accept_header.hpp"

#include <algorithm>
#include <charconv>

#include "accel/net/headers.hpp"

namespace accel::gateway {
namespace {

// Up to the separator; what stands in quotes does not separate.
std::string_view take_part(std::string_view& text, char separator) {
  bool quoted = false;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (text[end] == '"') quoted = !quoted;
    if (text[end] == separator && !quoted) break;
  }
  const std::string_view part = net::trim_blanks(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

double read_quality(std::string_view text) {
  double quality = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), quality);
  return parsed.ec == std::errc{} && quality >= 0 ? std::min(quality, 1.0) : 0;
}

AcceptItem parse_item(std::string_view text) {
  AcceptItem item;
  item.type = net::to_lower_ascii(take_part(text, ';'));
  while (!text.empty()) {
    const std::string_view one = take_part(text, ';');
    const std::size_t equals = one.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string name = net::to_lower_ascii(net::trim_blanks(one.substr(0, equals)));
    std::string_view value = net::trim_blanks(one.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (name == "q") {
      item.quality = read_quality(value);
    } else {
      item.parameters.emplace_back(name, value);
    }
  }
  return item;
}

}  // namespace

std::string_view AcceptItem::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<AcceptItem> parse_accept(std::string_view header) {
  std::vector<AcceptItem> items;
  while (!header.empty() && items.size() < kMaxAcceptItems) {
    AcceptItem item = parse_item(take_part(header, ','));
    if (!item.type.empty() && item.quality > 0) items.push_back(std::move(item));
  }
  std::ranges::stable_sort(items, std::greater<>{}, &AcceptItem::quality);
  return items;
}

}  // namespace accel::gateway
