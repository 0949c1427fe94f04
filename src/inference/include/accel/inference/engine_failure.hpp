// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whose fault an error of Backend::open() or Session::run() is. Used by node. Pure.

#include "accel/core/result.hpp"

namespace accel::inference {

// Whether it is the engine's or its device's, so that another device may do what this one could
// not. Not so: what the caller sent, a stop, a deadline, and a line that is full
// (resource_exhausted without an engine's words as its cause).
bool is_engine_failure(const Error& error);

}  // namespace accel::inference
