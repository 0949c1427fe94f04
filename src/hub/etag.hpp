// SPDX-License-Identifier: Apache-2.0
#pragma once
// An ETag as hubs write it. Private to hub.

#include <string>
#include <string_view>

namespace accel::hub {

// Quotes, and W/ of a weak one, are no part of the version.
inline std::string bare_etag(std::string_view text) {
  if (text.starts_with("W/")) text.remove_prefix(2);
  if (text.size() >= 2 && text.front() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

}  // namespace accel::hub
