// SPDX-License-Identifier: Apache-2.0
#pragma once
// The parameter "priority" of the methods that run models: how urgent the request is, within what
// its caller's key may ask for. Used by these methods and by the server, whose threads they wait
// for.

#include "accel/core/priority.hpp"
#include "context.hpp"

namespace accel::node {

// 1 (high), 2 (normal) or 3 (low); without it normal, or the best of a key that may not even have
// that. Counts the request. Errors: invalid_argument, permission_denied.
Result<Priority> priority_wish(Context& context);

}  // namespace accel::node
