// SPDX-License-Identifier: Apache-2.0
#pragma once
// What holds for every reader of a weights file's header, on any bytes, whole and cut: it reads,
// asks for more than it had, or refuses; what it reads lies within the file. Used by the fuzz
// targets.
#include <cstdlib>

#include "accel/models/tensor_index.hpp"

namespace accel::models {

using HeaderReader = Result<TensorHeader> (*)(ByteView start, std::uint64_t file_bytes);

inline void check_header(HeaderReader read, ByteView start, std::uint64_t file_bytes) {
  const auto header = read(start, file_bytes);
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

inline int check_header_whole_and_cut(HeaderReader read, ByteView file) {
  check_header(read, file, file.size());
  check_header(read, file.first(file.size() / 2), file.size());
  check_header(read, file, std::uint64_t{file.size()} + (1ULL << 40U));
  return 0;
}

}  // namespace accel::models
