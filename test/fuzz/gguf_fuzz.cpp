// SPDX-License-Identifier: Apache-2.0
// The gguf reader on any bytes, whole and cut: it reads, asks for more than it had, or refuses;
// what it reads lies within the file.
#include <cstdlib>

#include "accel/models/tensor_index.hpp"

using namespace accel;
using namespace accel::models;

namespace {

void check(ByteView start, std::uint64_t file_bytes) {
  const auto header = read_gguf(start, file_bytes);
  if (!header) {
    if (header.error().message.empty()) std::abort();
    return;
  }
  if (header->needs_bytes != 0) {
    if (header->needs_bytes <= start.size() || header->needs_bytes > file_bytes) std::abort();
    return;
  }
  for (const TensorPlace& tensor : header->index.tensors) {
    if (tensor.offset > file_bytes || tensor.length > file_bytes - tensor.offset) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView file(data, size);
  check(file, size);
  check(file.first(size / 2), size);
  check(file, std::uint64_t{size} + (1ULL << 40U));
  return 0;
}
