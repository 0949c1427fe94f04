// SPDX-License-Identifier: Apache-2.0
#include "text_family.hpp"

#include <algorithm>

#include "text_batch.hpp"

namespace accel::models {
namespace {

using tensor::Tensor;

// How many of the encodings, in order, make one run.
std::size_t run_size(std::span<const Encoding> rest, const SessionPlan& plan) {
  if (plan.batch) return std::min(*plan.batch, rest.size());
  std::size_t longest = 1;
  for (std::size_t rows = 0; rows < rest.size(); ++rows) {
    longest = std::max({longest, rest[rows].ids.size(), plan.sequence.value_or(0)});
    const bool full = rows == kMaxBatchRows || (rows + 1) * longest > kMaxBatchTokens;
    if (full && rows > 0) return rows;
  }
  return rest.size();
}

Status check_shape(const Tensor& output, const std::string& name, const TextBatch& batch,
                   RowShape wanted) {
  const tensor::Shape& shape = output.shape();
  const tensor::Shape& in = batch.input_ids.shape();
  const bool fits =
      shape.size() == wanted.axes && shape[0] == in[0] && (!wanted.per_token || shape[1] == in[1]);
  if (fits) return {};
  return fail(Errc::unsupported, "The model's {} has the shape {}, which does not fit the task.",
              name, tensor::shape_text(shape));
}

}  // namespace

Result<TextModel> read_text_model(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const TextFiles files, read_text_files(manifest, fetcher));
  ACCEL_TRY(Tokenizer tokenizer, Tokenizer::from_json(files.tokenizer_json));
  ACCEL_TRY(TextPairs pairs, TextPairs::from_json(files.tokenizer_json));
  ACCEL_TRY(Labels labels, read_labels(manifest, fetcher));
  return TextModel{std::move(tokenizer), std::move(pairs), files.config.max_length,
                   std::move(labels)};
}

Result<std::vector<std::string>> wanted_outputs(const inference::Session& session,
                                                std::vector<std::string> names) {
  const auto& outputs = session.outputs();
  const auto there = [&](const std::string& name) {
    return std::ranges::find(outputs, name, &inference::TensorSpec::name) != outputs.end();
  };
  if (std::ranges::all_of(names, there)) return names;
  if (outputs.size() != names.size()) {
    return fail(Errc::unsupported, "The model has no output {}: its head is not for this task.",
                names.front());
  }
  std::ranges::transform(outputs, names.begin(), &inference::TensorSpec::name);
  return names;
}

Result<std::vector<TextRow>> run_rows(inference::Session& session, const TextModel& model,
                                      std::span<const Encoding> encodings,
                                      const std::vector<std::string>& wanted, RowShape shape,
                                      const inference::RunOptions& options) {
  ACCEL_TRY(const SessionPlan plan, plan_text_inputs(session));
  std::vector<TextRow> rows;
  while (rows.size() < encodings.size()) {
    if (options.stop.stop_requested()) return fail(Errc::cancelled, "The run was cancelled.");
    const auto rest = encodings.subspan(rows.size());
    const std::size_t count = run_size(rest, plan);
    std::vector<const Encoding*> group;
    for (const Encoding& encoding : rest.first(count)) group.push_back(&encoding);
    if (plan.batch) group.resize(*plan.batch, group.back());  // A fixed batch is filled up.
    ACCEL_TRY(const TextBatch batch,
              make_text_batch(group, plan.sequence.value_or(0), model.tokenizer.pad_id()));
    ACCEL_TRY(const std::vector<Tensor> outputs, run_text(session, plan, batch, wanted, options));
    const std::size_t first = rows.size();
    rows.resize(first + count);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      ACCEL_CHECK(check_shape(outputs[i], wanted[i], batch, shape));
      ACCEL_TRY(const auto values, finite_values(outputs[i], wanted[i]));
      const std::size_t width = values.size() / group.size();
      for (std::size_t row = 0; row < count; ++row) {
        const auto own = values.subspan(row * width, width);
        rows[first + row].outputs.emplace_back(own.begin(), own.end());
        rows[first + row].sequence = static_cast<std::size_t>(batch.input_ids.shape()[1]);
      }
    }
  }
  return rows;
}

TextFamily::TextFamily(TextModel model, std::size_t sequence_axes)
    : model_(std::move(model)), sequence_axes_(sequence_axes) {}

std::optional<inference::RowRules> TextFamily::row_rules(const inference::Session& session) const {
  return text_row_rules(session, model_.tokenizer.pad_id(), sequence_axes_);
}

TextWorkload::TextWorkload(const TextModel& model, std::vector<Encoding> encodings,
                           std::size_t top_k)
    : model_(model), encodings_(std::move(encodings)), top_k_(top_k) {}

std::uint64_t TextWorkload::length() const {
  std::size_t longest = 1;
  for (const Encoding& encoding : encodings_) longest = std::max(longest, encoding.ids.size());
  return longest;
}

FamilyResult TextWorkload::counted() const {
  FamilyResult result;
  for (const Encoding& encoding : encodings_) {
    result.tokens += encoding.ids.size();
    result.truncated += encoding.truncated ? 1 : 0;
  }
  return result;
}

}  // namespace accel::models
