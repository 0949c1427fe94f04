// SPDX-License-Identifier: Apache-2.0
#include "accel/cli/cli.hpp"

int main(int argc, char** argv) { return accel::cli::run(argc, argv); }
