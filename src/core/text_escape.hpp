// SPDX-License-Identifier: Apache-2.0
#pragma once
// Text of strangers made safe for one line of a terminal or for a JSON string. Used by log.cpp.

#include <string>
#include <string_view>

namespace accel::detail {

// Control characters (C0, DEL, and C1 in UTF-8) and backslashes become \n, \t, \\ or \xNN.
std::string escape_control(std::string_view text);

// The same, in double quotes when it is empty or has spaces, quotes or '='.
std::string quote_if_needed(std::string_view text);

// A JSON string with its quotes (RFC 8259); bytes that aren't UTF-8 become U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace accel::detail
