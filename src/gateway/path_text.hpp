// SPDX-License-Identifier: Apache-2.0
#pragma once
// Names of content as parts of URLs; pure.

#include <string>
#include <string_view>
#include <vector>

namespace accel::gateway {

// Percent-encodes what may not stand in a path segment as it is; sub-delims such as '+' and '='
// stay, as browsers and Go's net/url leave them.
std::string encode_segment(std::string_view name);
// "/a/b%20c"; nothing for no names.
std::string encode_path(const std::vector<std::string>& names);

}  // namespace accel::gateway
