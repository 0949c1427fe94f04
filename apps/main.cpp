// SPDX-License-Identifier: Apache-2.0
#include "accel/cli/cli.hpp"

#include <cstdlib>

int main(int argc, char** argv) {
  // ONNX Runtime's own builds report their use to their maker unless told not to. We report nothing
  // to anyone; set before any thread runs or library loads.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  return accel::cli::run(argc, argv);
}
