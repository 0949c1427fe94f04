// SPDX-License-Identifier: Apache-2.0
#pragma once
// What generation_config.json and config.json say of how an encoder-decoder writes: where it begins
// and ends, and which tokens it may not write. Private to models; plain values. Spec: transformers'
// GenerationConfig and its logits processors; greedy search.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/models/manifest.hpp"

namespace accel::models {

struct GenerationRules {
  std::int32_t start = 0;          // The first token that the decoder reads.
  std::vector<std::int32_t> ends;  // Whichever comes ends the answer.
  std::size_t most = 256;          // New tokens, an end among them.
  std::size_t least_length = 0;    // Tokens with `start` before which none may end it.
  std::size_t no_repeat = 0;       // No run of so many tokens comes twice; 0: they may.
  std::optional<std::int32_t> forced_first, forced_last;
  std::vector<std::int32_t> never;            // Tokens that are not written.
  std::map<std::string, std::string> prefix;  // By task: what stands in front of a text.

  // Errors: not_found (no file says where the decoder begins), corrupt, unsupported (an option that
  // changes what greedy search writes and is not implemented, named).
  static Result<GenerationRules> read(const ModelManifest& manifest, const Fetcher& fetcher);

  // Takes what may not follow `written`, which begins with `start`, out of the logits, where
  // `limit` new tokens end the answer.
  void apply(std::span<const std::int32_t> written, std::size_t limit,
             std::span<float> logits) const;
  bool ends_with(std::int32_t token) const;
};

}  // namespace accel::models
