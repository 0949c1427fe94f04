// SPDX-License-Identifier: Apache-2.0
// The ONNX reader on any bytes: it reads or refuses, and what it reads makes a skeleton that it
// reads again, with the same initializers. Of what is sound, it finds weights to share, whose bytes
// lie inside and which no other initializer is called by.
#include "accel/inference/onnx_reader.hpp"

#include <cstdlib>

#include "../../src/inference/ort/shareable.hpp"
#include "../../src/inference/ort/skeleton.hpp"

using namespace accel;
using namespace accel::inference;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView file(data, size);
  const Result<OnnxSummary> summary = read_onnx(file);
  if (!summary) {
    if (summary.error().message.empty()) std::abort();
    return 0;
  }
  for (const OnnxInitializer& tensor : summary->initializers) {
    if (tensor.message.end() > size || (tensor.raw && tensor.raw->end() > size)) std::abort();
  }
  const bool is_sound = check_onnx_graph(file, *summary).has_value();
  const ort::Skeleton skeleton = ort::make_skeleton(file, *summary, "model.onnx");
  const Result<OnnxSummary> again = read_onnx(skeleton.model);
  if (!again || again->initializers.size() != summary->initializers.size()) std::abort();
  if (!is_sound) return 0;
  if (!check_onnx_graph(skeleton.model, *again)) std::abort();
  const auto places = ort::find_shareable(file, *summary);
  if (!places) {  // It reads on where the others had what they looked for.
    if (places.error().message.empty()) std::abort();
    return 0;
  }
  for (const std::size_t place : *places) {
    const OnnxInitializer& tensor = summary->initializers.at(place);
    if (tensor.raw && tensor.raw->length < ort::kSkeletonMinBytes) std::abort();
    for (const OnnxInitializer& other : summary->initializers) {
      if (&other != &tensor && other.name == tensor.name) std::abort();
    }
  }
  return 0;
}
