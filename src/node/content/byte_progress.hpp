// SPDX-License-Identifier: Apache-2.0
#pragma once
// Rate and remaining time of steady work that reports its bytes. One per call, one thread at a
// time.

#include <string>

#include "context.hpp"

namespace accel::node {

class ByteProgress {
 public:
  ByteProgress(const Context& context, std::string phase);

  // total: 0 when it is not known.
  void report(std::uint64_t done, std::uint64_t total, const std::string& message);
  double seconds() const;

 private:
  const Context* context_;
  std::string phase_;
  SteadyTime started_;
  SteadyTime last_{};
};

}  // namespace accel::node
