// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line of ipfs-accelerate: parses arguments, calls the node (in process, or over
// home/api.sock when a daemon runs), prints results. stdout carries results alone; everything else
// goes to stderr. No policy lives here.

namespace accel::cli {

// Returns the process's exit code: 0, or errc_exit_code() of what went wrong.
int run(int argc, const char* const* argv);

}  // namespace accel::cli
