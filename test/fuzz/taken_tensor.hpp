// SPDX-License-Identifier: Apache-2.0
#pragma once
// What holds of every tensor that was taken from strangers' bytes: it has exactly the elements that
// its shape says, none of them outside its memory. Used by the fuzz targets.
#include <cstdlib>

#include "accel/tensor/tensor.hpp"

namespace accel::tensor {

inline void check_taken(const Tensor& taken) {
  const auto count = element_count(taken.shape());
  if (!count || taken.elements() != *count) std::abort();
  std::uint64_t bytes = 0;
  if (taken.dtype() == DType::string) {
    const auto strings = taken.strings();
    if (strings.size() != *count) std::abort();
    for (const std::string_view text : strings) bytes += 4 + text.size();
  } else {
    bytes = *count * dtype_bytes(taken.dtype());
  }
  if (bytes != taken.bytes().size()) std::abort();
}

}  // namespace accel::tensor
