// SPDX-License-Identifier: Apache-2.0
#include "bus_error.hpp"

#include <csignal>
#include <string_view>

#include <unistd.h>

#include "accel/core/result.hpp"

namespace accel::cli {
namespace {

constexpr std::string_view kSentence =
    "error: A file in use has lost its end: the store's index or a model was cut short from "
    "outside, "
    "or the disk failed. Restore the home from a copy; or move its store/index away, and add or "
    "pull "
    "again.\n";

// Only what is safe in a signal handler.
extern "C" void on_bus_error(int) {
  const ssize_t written = ::write(STDERR_FILENO, kSentence.data(), kSentence.size());
  static_cast<void>(written);  // There is nobody else to tell.
  ::_exit(errc_exit_code(Errc::corrupt));
}

}  // namespace

void explain_bus_errors() {
  struct sigaction action{};
  action.sa_handler = on_bus_error;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace accel::cli
