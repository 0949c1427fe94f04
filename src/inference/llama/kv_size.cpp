// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/inference/llama.hpp"

namespace accel::inference {
namespace {

constexpr double kMostBytes = 1e18;  // What a header says may be absurd; the product stays whole.

}  // namespace

// ggml's blocks: 32 numbers and their scale in 34 bytes (q8_0) or 18 (q4_0).
std::uint64_t kv_cache_bytes(const GgufHeader& header, const LlamaModelOptions& options) {
  const auto architecture = header.texts.find("general.architecture");
  if (architecture == header.texts.end()) return 0;
  const auto number = [&](std::string_view name, double otherwise) {
    const auto found = header.numbers.find(architecture->second + std::string(name));
    return found == header.numbers.end() ? otherwise : static_cast<double>(found->second);
  };
  const double heads = std::max(number(".attention.head_count", 1), 1.0);
  const double width = number(".embedding_length", 0) / heads;
  const double numbers =
      number(".attention.key_length", width) + number(".attention.value_length", width);
  const double kv_heads = number(".attention.head_count_kv", heads);
  const double per_32 = options.kv_type == KvType::f16    ? 64
                        : options.kv_type == KvType::q8_0 ? 34
                                                          : 18;
  const double bytes = numbers * kv_heads * number(".block_count", 0) *
                       static_cast<double>(options.context) * per_32 / 32;
  return static_cast<std::uint64_t>(std::min(bytes, kMostBytes));
}

}  // namespace accel::inference
