// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "accel/inference/gguf_reader.hpp"
#include "accel/models/tensor_index.hpp"

namespace accel::models {

Result<TensorHeader> read_gguf(ByteView start, std::uint64_t file_bytes) {
  ACCEL_TRY(inference::GgufHeader header, inference::read_gguf_header(start, file_bytes));
  TensorHeader result;
  result.needs_bytes = header.needs_bytes;
  if (result.needs_bytes != 0) return result;
  result.index.format = "gguf";
  result.index.header_bytes = header.header_bytes;
  for (inference::GgufTensor& tensor : header.tensors) {
    result.index.tensors.push_back({std::move(tensor.name),
                                    std::move(tensor.dtype),
                                    std::move(tensor.shape),
                                    tensor.offset,
                                    tensor.length,
                                    {}});
  }
  return result;
}

}  // namespace accel::models
