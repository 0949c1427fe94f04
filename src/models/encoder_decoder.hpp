// SPDX-License-Identifier: Apache-2.0
#pragma once
// A model that reads with one graph and writes with another, behind one interface, whichever way it
// was exported. Used by speech recognition and by text to text. Private to models. One per call; a
// Session underneath may be shared. Spec: the ONNX exports of Hugging Face optimum, whose graphs
// are named
//   encoder            input_features or input_ids (and attention_mask) -> last_hidden_state
//   decoder            merged (it has use_cache_branch), or the first step (it gives present.*), or
//                      without a cache (it gives logits alone): the slowest, every step is a first
//   decoder_with_past  the steps after the first; only beside a decoder that is not merged

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/inference/session.hpp"

namespace accel::models {

class EncoderDecoder {
 public:
  // What the encoder reads, and what the model is called in messages.
  struct Kind {
    std::string_view model;
    std::string_view input;
    tensor::DType dtype;
  };
  // Errors: unsupported (a graph, input, output or type that is not as above; named).
  static Result<EncoderDecoder> open(inference::Session& session, const Kind& kind,
                                     const inference::RunOptions& options);

  // Begins anew: a window float32[1, mels, frames], or a text int64[1, tokens] with its mask, int64
  // of the same shape, which must live until the next call. Errors: Session::run's.
  Status encode(const tensor::Tensor& input, const tensor::Tensor* mask = nullptr);

  // The logits of the last of `ids`, one for each id of the vocabulary, until the next call; the
  // first call after encode() gets the prompt, others one id each. Errors: internal (no finite
  // numbers), unsupported (logits of another shape), cancelled, and Session::run's.
  Result<std::span<const float>> step(std::span<const std::int32_t> ids);
  // Those of the first id of that call: after <|startoftranscript|> alone.
  std::span<const float> first_logits() const { return first_logits_; }

 private:
  using Cache = std::map<std::string, tensor::Tensor, std::less<>>;

  EncoderDecoder(inference::Session& encoder, inference::Session& decoder, const Kind& kind,
                 const inference::RunOptions& options)
      : kind_(kind), encoder_(&encoder), decoder_(&decoder), options_(&options) {}

  Status check_graphs() const;
  Status check_inputs_of(const inference::Session& graph, std::string_view name) const;
  Status want(const std::vector<inference::TensorSpec>& specs, std::string_view graph,
              std::string_view name, tensor::DType dtype) const;
  Result<const tensor::Tensor*> empty_cache(const inference::TensorSpec& spec);
  Status keep_outputs(std::vector<tensor::Tensor> outputs, std::span<const std::string> names);
  Result<std::vector<std::string>> wanted_outputs(const inference::Session& graph) const;
  Status run(inference::Session& graph, std::span<const std::int32_t> ids);
  Status read_logits();

  Kind kind_;
  inference::Session* encoder_;              // Never null.
  inference::Session* decoder_;              // Never null.
  inference::Session* with_past_ = nullptr;  // Null: the decoder is merged, or has no cache.
  const inference::RunOptions* options_;
  bool merged_ = false, cached_ = false;  // `cached_`: the decoder gives present.*.

  const tensor::Tensor* mask_ = nullptr;  // Of the input; null: all of it counts.
  tensor::Tensor states_;                 // last_hidden_state of the input.
  Cache cache_;                    // "0.decoder.key" and so on: present.* of the step before.
  Cache empty_;                    // What a merged decoder gets for it in its first step.
  std::vector<std::int32_t> ids_;  // Of the answer so far, prompt included.
  tensor::Tensor logits_;
  std::span<const float> first_logits_, last_logits_;
};

}  // namespace accel::models
