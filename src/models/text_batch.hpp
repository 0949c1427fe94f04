// SPDX-License-Identifier: Apache-2.0
#pragma once
// Encodings as tensors, and a run over them. Private to models; used by every family over text.

#include <span>
#include <string>
#include <vector>

#include "accel/inference/batching.hpp"
#include "accel/models/text_embedder.hpp"
#include "session_io.hpp"

namespace accel::models {

// What a model of text says by its small files.
struct TextFiles {
  TextEmbeddingConfig config;
  Bytes tokenizer_json;
};
// Errors: not_found (tokenizer.json), and those of reading the files.
Result<TextFiles> read_text_files(const ModelManifest& manifest, const Fetcher& fetcher);

std::size_t longest_of(std::span<const Encoding* const> encodings);  // At least 1.
// Padded on the right to the longest, and to at least `min_sequence`. Errors: resource_exhausted.
Result<TextBatch> make_text_batch(std::span<const Encoding* const> encodings,
                                  std::size_t min_sequence, std::int32_t pad_id);
// How rows of several requests are joined: padded where the session takes a mask that says so, else
// only those of one length. Outputs of at least `sequence_axes` axes have a row for each token.
inference::RowRules text_row_rules(const inference::Session& session, std::int32_t pad_id,
                                   std::size_t sequence_axes);
// Gives the session what of the batch it wants. Errors: Session::run's.
Result<std::vector<tensor::Tensor>> run_text(inference::Session& session, const SessionPlan& plan,
                                             const TextBatch& batch,
                                             std::span<const std::string> wanted,
                                             const inference::RunOptions& options);

}  // namespace accel::models
