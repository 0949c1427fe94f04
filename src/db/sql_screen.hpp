// SPDX-License-Identifier: Apache-2.0
#pragma once
// Decides from its syntax tree whether a stranger's SQL may run. Used by read_only.cpp.

#include <string_view>

#include "statement.hpp"

namespace accel::db::detail {

// Errors: invalid_argument (a syntax error, with its position), permission_denied (more than one
// statement, no SELECT, or a function that isn't allowed; says which).
Status screen_sql(const Connection& connection, std::string_view sql);

}  // namespace accel::db::detail
