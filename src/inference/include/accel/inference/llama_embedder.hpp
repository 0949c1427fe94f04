// SPDX-License-Identifier: Apache-2.0
#pragma once
// Vectors of texts from language models in GGUF files, by llama.cpp: encoders (BERT and its kin)
// and decoders, whose tokens' vectors become one a text. Used by node.
//
// Threads: all methods may be called from many threads; embed() blocks its caller. One batch is
// computed at a time, and callers take turns batch by batch. Ownership: an embedder has the model's
// weights and a context of its own, apart from every LlamaModel of the same file.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/inference/gguf_reader.hpp"
#include "accel/inference/llama.hpp"

namespace accel::inference {

// How the vectors of a text's tokens become one: their mean, the first one, the last one.
enum class LlamaPooling { mean, cls, last };
std::string_view llama_pooling_name(LlamaPooling pooling);
// What the file says (ARCHITECTURE.pooling_type, llama.cpp's numbers); of one that says nothing, or
// "none", the mean. Errors: unsupported (a model that ranks pairs; a number that is not known).
Result<LlamaPooling> llama_pooling_of(const GgufHeader& header);

// Whether the model is made for vectors: an encoder, or a decoder whose file says how to pool.
bool is_made_for_vectors(const GgufHeader& header);

struct LlamaEmbedderOptions {
  std::size_t max_tokens = 2048;  // Of a text, at most; longer ones are cut.
  std::size_t max_waiting = 64;   // Calls that wait for their turn; more are refused.
  int threads = 1;
  bool spinning = false;  // As LlamaModelOptions'.
};
constexpr std::size_t kMaxEmbeddingTokens = 1U << 16U;

// What opening a model takes beside its weights, by its file's header: an upper bound, reached
// when a text is as long as it may be.
std::uint64_t embedder_bytes(const GgufHeader& header, const LlamaEmbedderOptions& options);

struct LlamaEmbedderInfo {
  std::string engine;        // "llama.cpp"
  std::string version;       // Of the library.
  std::string device;        // "cpu"
  std::string architecture;  // "llama", "bert"
  std::string description;   // llama.cpp's own: "llama 135M Q4_1".
  std::uint64_t parameters = 0;
  std::uint64_t weight_bytes = 0;
  LlamaPooling pooling = LlamaPooling::mean;
  std::size_t dimension = 0;
  std::size_t max_tokens = 0;  // Of a text: no more than the model was trained with.
  int threads = 0;
};

struct CutText {
  std::size_t index = 0;  // Of the text, from 0.
  std::size_t tokens =
      0;  // Of the text as far as it was read, which is beyond what the model takes.
};

struct TextVectors {
  std::vector<std::vector<float>> vectors;  // float32[dimension], of length 1; in order.
  std::vector<std::size_t> tokens;          // Of each text, as computed, special ones included.
  std::vector<CutText> cut;                 // Those that were cut to max_tokens.
};

class LlamaEmbedder {
 public:
  // Errors: not_found, corrupt, unsupported (an architecture that the library does not know, an
  // encoder with a decoder behind it, as llama_pooling_of), invalid_argument (options),
  // resource_exhausted, unavailable (as LlamaEngine::load).
  static Result<std::unique_ptr<LlamaEmbedder>> open(LlamaEngine& engine,
                                                     const std::filesystem::path& gguf_file,
                                                     const LlamaEmbedderOptions& options);
  ~LlamaEmbedder();  // embed() must have returned everywhere.
  const LlamaEmbedderInfo& info() const;

  // Short texts share a batch. Errors: invalid_argument (a text that has no token; too long to
  // count), resource_exhausted (too many wait already), cancelled, internal (a vector that is not
  // finite).
  Result<TextVectors> embed(std::span<const std::string> texts, std::stop_token stop = {});

 private:
  class Impl;
  explicit LlamaEmbedder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace accel::inference
