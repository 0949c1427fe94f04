// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which texts of a slice have to run, and which vectors are known: by the tokens of a text, not by
// its letters, so that texts that the model can't tell apart share one. Private to TextPipeline.

#include <span>
#include <vector>

#include "accel/inference/output_cache.hpp"
#include "accel/models/text_embedder.hpp"

namespace accel::models {

// Of one slice and one thread. All that it is made of must outlive it.
class KeptVectors {
 public:
  // Without `use` every text has to run.
  KeptVectors(inference::OutputUse* use, const TextEmbeddingConfig& config,
              std::span<const Encoding> encodings)
      : use_(use), config_(config), encodings_(encodings) {}

  // Fills in what is known. Which texts have to run: of equal ones the first.
  std::vector<std::size_t> take(std::span<std::vector<float>> vectors);
  // The vector of a text that ran.
  void keep(std::size_t text, const std::vector<float>& vector) const;
  // Gives the others of equal texts what the first got; all that had to run have run.
  void share(std::span<std::vector<float>> vectors) const;
  std::size_t spared() const { return encodings_.size() - running_; }

 private:
  inference::OutputKey key_of(const Encoding& encoding) const;

  inference::OutputUse* use_;
  const TextEmbeddingConfig& config_;
  std::span<const Encoding> encodings_;
  std::vector<inference::OutputKey> keys_;                  // Of all texts; empty without `use`.
  std::vector<std::pair<std::size_t, std::size_t>> equal_;  // A text, and the one that it equals.
  std::size_t running_ = 0;
};

}  // namespace accel::models
