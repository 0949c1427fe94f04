// SPDX-License-Identifier: Apache-2.0
// The gguf reader on any bytes: tensor_header_check.hpp says what must hold.
#include "tensor_header_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::models;
  return check_header_whole_and_cut(read_gguf, {data, size});
}
