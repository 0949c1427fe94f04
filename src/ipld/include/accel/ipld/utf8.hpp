// SPDX-License-Identifier: Apache-2.0
#pragma once
// UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing above U+10FFFF.

#include <cstddef>
#include <string>
#include <string_view>

namespace accel::ipld {

bool is_utf8(std::string_view text);
// `code_point` is at most U+10FFFF and no surrogate.
void append_utf8(std::string& out, char32_t code_point);

}  // namespace accel::ipld
