// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/engine_failure.hpp"

namespace accel::inference {

bool is_engine_failure(const Error& error) {
  switch (error.code) {
    case Errc::internal:
    case Errc::unavailable:
    case Errc::unsupported:
      return true;
    case Errc::resource_exhausted:
      return !error.cause.empty();
    default:
      return false;
  }
}

}  // namespace accel::inference
