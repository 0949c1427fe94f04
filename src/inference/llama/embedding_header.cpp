// SPDX-License-Identifier: Apache-2.0
// What a GGUF header tells of vectors: how they are pooled, and what making them takes.
#include <algorithm>

#include "accel/inference/llama_embedder.hpp"

namespace accel::inference {
namespace {

constexpr double kMostBytes = 1e18;  // What a header says may be absurd; the product stays whole.
constexpr std::uint64_t kNone = 0, kMean = 1, kCls = 2, kLast = 3, kRank = 4;  // llama.cpp's.

// Of the architecture's own key; `otherwise` where the file has none.
std::uint64_t number_of(const GgufHeader& header, std::string_view key, std::uint64_t otherwise) {
  const auto architecture = header.texts.find("general.architecture");
  if (architecture == header.texts.end()) return otherwise;
  const auto found = header.numbers.find(architecture->second + std::string(key));
  return found == header.numbers.end() ? otherwise : found->second;
}

bool is_encoder(const GgufHeader& header) { return number_of(header, ".attention.causal", 1) == 0; }

double vocabulary_of(const GgufHeader& header) {
  const auto words = std::ranges::find(header.tensors, "token_embd.weight", &GgufTensor::name);
  const bool known = words != header.tensors.end() && !words->shape.empty();
  return known ? static_cast<double>(words->shape.front()) : 0;
}

}  // namespace

std::string_view llama_pooling_name(LlamaPooling pooling) {
  switch (pooling) {
    case LlamaPooling::cls:
      return "cls";
    case LlamaPooling::last:
      return "last";
    case LlamaPooling::mean:
      break;
  }
  return "mean";
}

Result<LlamaPooling> llama_pooling_of(const GgufHeader& header) {
  const std::uint64_t stated = number_of(header, ".pooling_type", kNone);
  if (stated == kNone || stated == kMean) return LlamaPooling::mean;
  if (stated == kCls) return LlamaPooling::cls;
  if (stated == kLast) return LlamaPooling::last;
  if (stated == kRank)
    return fail(Errc::unsupported, "The model ranks pairs of texts: it makes no vectors.");
  return fail(Errc::unsupported, "The model pools in a way ({}) that is not known here.", stated);
}

bool is_made_for_vectors(const GgufHeader& header) {
  return is_encoder(header) || number_of(header, ".pooling_type", kNone) != kNone;
}

// Keys and values of one batch, and of each of its tokens the layers' own numbers and how
// it attends to the others; a decoder turns
// every token into the likelihoods of all others besides, computed and kept, wanted or not.
std::uint64_t embedder_bytes(const GgufHeader& header, const LlamaEmbedderOptions& options) {
  const auto trained = number_of(header, ".context_length", options.max_tokens);
  const auto tokens =
      static_cast<std::size_t>(std::min<std::uint64_t>(trained, options.max_tokens));
  const auto width = static_cast<double>(number_of(header, ".embedding_length", 0));
  const auto inner = static_cast<double>(number_of(header, ".feed_forward_length", 0));
  const auto heads = static_cast<double>(number_of(header, ".attention.head_count", 1));
  double numbers = 8 * width + 3 * inner + (heads + 1) * static_cast<double>(tokens);
  if (!is_encoder(header)) numbers += 2 * vocabulary_of(header);
  LlamaModelOptions context;
  context.context = tokens;
  const auto kept = is_encoder(header) ? 0 : kv_cache_bytes(header, context);
  const double bytes = static_cast<double>(tokens) * numbers * sizeof(float);
  return kept + static_cast<std::uint64_t>(std::min(bytes, kMostBytes));
}

}  // namespace accel::inference
