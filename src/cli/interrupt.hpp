// SPDX-License-Identifier: Apache-2.0
#pragma once
// SIGINT and SIGTERM as a stop token: the first asks the running command to come to rest, the
// second ends the process at once. One per process; made before any other thread, so that every
// thread inherits the blocked signals.

#include <memory>
#include <stop_token>

namespace accel::cli {

class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  std::stop_token token() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Blocks until the token is stopped.
void wait_for_stop(std::stop_token stop);

}  // namespace accel::cli
