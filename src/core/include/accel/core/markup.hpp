// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text of strangers inside HTML, SVG and other XML: nothing of it may become markup.

#include <string>
#include <string_view>

namespace accel {

// & < > " and ' as entities, so that it fits in quoted attributes too; control characters, which
// XML forbids, become spaces, but for tab and line feed.
std::string escape_markup(std::string_view text);

}  // namespace accel
