// SPDX-License-Identifier: Apache-2.0
#include "path_text.hpp"

#include "accel/net/url.hpp"

namespace accel::gateway {

std::string encode_segment(std::string_view name) {
  constexpr std::string_view kKept = "$&+:=@";
  std::string out;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find_first_of(kKept), name.size());
    out += net::percent_encode(name.substr(0, end));
    if (end < name.size()) out += name[end];
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  return out;
}

std::string encode_path(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += "/" + encode_segment(name);
  return out;
}

}  // namespace accel::gateway
