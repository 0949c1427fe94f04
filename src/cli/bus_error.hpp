// SPDX-License-Identifier: Apache-2.0
#pragma once
// A mapped file (the store's index, a model) that is cut short from outside ends the process by
// SIGBUS at its next use. That cannot be undone, but it can be said.

namespace accel::cli {

// From now on SIGBUS prints a sentence and ends the process with the exit code of corrupt.
void explain_bus_errors();

}  // namespace accel::cli
