// SPDX-License-Identifier: Apache-2.0
#pragma once
// What may stand in a head that we write (RFC 9110 section 5): a name or value that breaks it would
// let a stranger's text become headers of its own. Used for responses and for the client's
// requests.

#include <string_view>

#include "accel/net/headers.hpp"

namespace accel::net {

bool is_token(std::string_view text);
// A token as name; no control characters but the tab in the value.
bool is_valid_field(const HeaderField& field);

}  // namespace accel::net
