// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the families over BERT-like encoders share: their tokenizer, lengths and labels, and runs in
// batches. Private to models.

#include <span>
#include <string>
#include <vector>

#include "accel/models/tokenizer.hpp"
#include "families.hpp"
#include "labels.hpp"
#include "text_pairs.hpp"

namespace accel::models {

struct TextModel {
  Tokenizer tokenizer;
  TextPairs pairs;
  std::size_t max_length;  // Tokens, special ones included.
  Labels labels;
};
// Errors: not_found (tokenizer.json), and those of reading the files.
Result<TextModel> read_text_model(const ModelManifest& manifest, const Fetcher& fetcher);

// What one text got: its rows of each wanted output.
struct TextRow {
  std::vector<std::vector<float>> outputs;
  std::size_t sequence = 0;  // Padded length of the batch that it ran in.
};

// The outputs of a session by their names, else all of them where they are as many as wanted.
// Errors: unsupported.
Result<std::vector<std::string>> wanted_outputs(const inference::Session& session,
                                                std::vector<std::string> names);

// Runs all encodings in batches, in order. `axes` is the rank that outputs must have; the first is
// the batch and, where there are three or `per_token`, the second the sequence. Errors: unsupported
// (another shape), internal (not finite), cancelled, and Session::run's.
struct RowShape {
  std::size_t axes = 2;
  bool per_token = false;
};
Result<std::vector<TextRow>> run_rows(inference::Session& session, const TextModel& model,
                                      std::span<const Encoding> encodings,
                                      const std::vector<std::string>& wanted, RowShape shape,
                                      const inference::RunOptions& options);

// Enough to tell engines apart: the order of candidates hardly changes from there on.
constexpr std::size_t kSampleRows = 8;

// A family over such a model. Outputs of at least `sequence_axes` axes have a row for each token.
class TextFamily : public Family {
 public:
  std::optional<inference::RowRules> row_rules(const inference::Session& session) const final;

 protected:
  explicit TextFamily(TextModel model, std::size_t sequence_axes = 3);

  TextModel model_;

 private:
  std::size_t sequence_axes_;
};

// A workload over encodings; families say what comes of the rows.
class TextWorkload : public Workload {
 public:
  TextWorkload(const TextModel& model, std::vector<Encoding> encodings, std::size_t top_k);
  std::uint64_t rows() const override { return encodings_.size(); }
  std::uint64_t length() const override;

 protected:
  // The first texts or windows of a workload of many, as a workload of its own.
  template <class Own>
  static std::unique_ptr<Sample> first_of(const Own& whole) {
    if (whole.encodings_.size() <= kSampleRows) return nullptr;
    auto part = std::make_unique<Own>(whole);
    part->encodings_.resize(kSampleRows);
    const double calls = static_cast<double>(whole.encodings_.size()) / kSampleRows;
    return std::make_unique<Sample>(Sample{std::move(part), calls});
  }
  // Counts of tokens and of cut texts are the same for all.
  FamilyResult counted() const;

  const TextModel& model_;
  std::vector<Encoding> encodings_;
  std::size_t top_k_;
};

}  // namespace accel::models
