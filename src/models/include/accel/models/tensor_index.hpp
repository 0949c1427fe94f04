// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where each tensor of a weights file lies, from the file's header alone: whoever wants three
// layers of a model need not fetch the others. Used by node (get --tensors). Pure functions over
// bytes that may come from anywhere; nothing is believed that the file's size contradicts.
// Specs: safetensors (README "Format"), GGUF versions 2 and 3 (ggml docs/gguf.md), ONNX by
// inference/onnx_reader.hpp.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::models {

struct TensorPlace {
  std::string name;
  std::string dtype;                 // As the format spells it: "F32", "BF16", "Q4_K", …
  std::vector<std::uint64_t> shape;  // Outermost dimension first; GGUF's are turned round.
  std::uint64_t offset = 0;          // In the file.
  std::uint64_t length = 0;
  std::string file;  // ONNX external data: the other file that holds it; else empty.
};

struct TensorIndex {
  std::string format;                // "safetensors", "gguf" or "onnx".
  std::uint64_t header_bytes = 0;    // What makes the tensors findable: it goes with any of them.
  std::vector<TensorPlace> tensors;  // In the order of the file.
};

// Of a header of which only a part may be here.
struct TensorHeader {
  std::uint64_t needs_bytes = 0;  // Call again with so much of the file's start; 0: index is whole.
  TensorIndex index;
};

constexpr std::uint64_t kMaxSafetensorsHeader = 100'000'000;  // The format's own limit.
constexpr std::size_t kMaxTensors = 1U << 20U;
constexpr std::size_t kMaxTensorNameBytes = 4096;
constexpr std::size_t kMaxTensorDims = 16;

// `start` is the beginning of a file of file_bytes. Errors: corrupt (what and where: sizes that do
// not fit the file, tensors that overlap, a name given twice), unsupported (another version).
Result<TensorHeader> read_safetensors(ByteView start, std::uint64_t file_bytes);
Result<TensorHeader> read_gguf(ByteView start, std::uint64_t file_bytes);
// A whole ONNX file. Tensors with typed fields instead of raw data are told as their whole message.
// Errors: as inference::read_onnx().
Result<TensorIndex> read_onnx_tensors(ByteView file);

enum class WeightsFormat { safetensors, gguf, onnx };
// By the ending of the name, else by the first bytes. Errors: unsupported (names the formats).
Result<WeightsFormat> weights_format(std::string_view name, ByteView start);

// The tensors whose names match any of the patterns ('*', '?', '[a-z]', as shells have them); all
// when there is no pattern. Errors: not_found (names a pattern that matches nothing, and what is
// near it).
Result<std::vector<TensorPlace>> select_tensors(const TensorIndex& index,
                                                const std::vector<std::string>& patterns);

}  // namespace accel::models
