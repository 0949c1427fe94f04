// SPDX-License-Identifier: Apache-2.0
#pragma once
// A reader of GGUF headers that trusts nothing: counts, names, sizes and places are checked against
// the file before any other parser sees it. Used by llama/ (a corrupt file becomes a sentence, not
// a crash), and by models (manifests, where a tensor lies). Spec: ggml docs/gguf.md, versions 2 and
// 3, little-endian. Pure functions over bytes that may come from anywhere; results borrow nothing.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::inference {

struct GgufTensor {
  std::string name;
  std::string dtype;                 // As ggml spells it: "F32", "Q4_1"; "type 99" when unknown.
  std::vector<std::uint64_t> shape;  // Outermost dimension first: ggml's are turned round.
  std::uint64_t offset = 0;          // In the file.
  std::uint64_t length = 0;
};

// Of a header of which only a part may be here.
struct GgufHeader {
  std::uint64_t needs_bytes = 0;    // Call again with so much of the file's start; 0: it is whole.
  std::uint64_t header_bytes = 0;   // Up to the first tensor.
  std::vector<GgufTensor> tensors;  // In the order of the file.
  // Strings of at most kMaxGgufKeptText bytes and whole numbers, in decimal, by key.
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::uint64_t, std::less<>> numbers;
};

constexpr std::uint64_t kMaxGgufHeader = 256ULL << 20U;  // A vocabulary takes a few MiB.
constexpr std::size_t kMaxGgufTensors = 1U << 20U;
constexpr std::size_t kMaxGgufNameBytes = 4096;
constexpr std::size_t kMaxGgufKeptText = 64U << 10U;  // Templates are a few KiB.

// `start` is the beginning of a file of file_bytes. Errors: corrupt (what and where: sizes that do
// not fit the file, tensors that overlap, a name given twice), unsupported (another version).
Result<GgufHeader> read_gguf_header(ByteView start, std::uint64_t file_bytes);

// The header of a file on disk, whole. Errors: as read_gguf_header, not_found, io.
Result<GgufHeader> read_gguf_file(const std::filesystem::path& file);

// What a language model's header must hold for llama.cpp to take it without an assertion: an
// architecture, its dimensions, none of them zero or absurd, a vocabulary. Errors: corrupt (names
// the key), unsupported (a part of a model that is split over files).
Status check_gguf_model(const GgufHeader& header);

}  // namespace accel::inference
