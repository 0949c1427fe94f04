// SPDX-License-Identifier: Apache-2.0
#include "text_batch.hpp"

#include <algorithm>

#include "accel/core/file.hpp"

namespace accel::models {
namespace {

using tensor::DType;
using tensor::Tensor;

// Row `row` of each tensor from one encoding; the rest of the row stays padding.
void fill_row(const Encoding& encoding, std::size_t row, std::size_t sequence, TextBatch& batch) {
  const auto at = [&](Tensor& tensor) {
    return tensor.mutable_data<std::int64_t>().subspan(row * sequence, sequence);
  };
  std::copy(encoding.ids.begin(), encoding.ids.end(), at(batch.input_ids).begin());
  std::fill_n(at(batch.attention_mask).begin(), encoding.ids.size(), 1);
  std::copy(encoding.type_ids.begin(), encoding.type_ids.end(), at(batch.token_type_ids).begin());
  batch.tokens.push_back(encoding.ids.size());
  batch.truncated += encoding.truncated ? 1 : 0;
}

const Tensor& tensor_of(const TextBatch& batch, TextInput kind) {
  switch (kind) {
    case TextInput::input_ids:
      return batch.input_ids;
    case TextInput::attention_mask:
      return batch.attention_mask;
    case TextInput::token_type_ids:
      break;
  }
  return batch.token_type_ids;
}

Result<Tensor> as_i32(const Tensor& tensor) {
  ACCEL_TRY(Tensor narrow, Tensor::zeros(DType::i32, tensor.shape()));
  const auto values = tensor.data<std::int64_t>();
  std::transform(values.begin(), values.end(), narrow.mutable_data<std::int32_t>().begin(),
                 [](std::int64_t value) { return static_cast<std::int32_t>(value); });
  return narrow;
}

}  // namespace

Result<TextFiles> read_text_files(const ModelManifest& manifest, const Fetcher& fetcher) {
  if (manifest.find("tokenizer.json") == nullptr) {
    return fail(Errc::not_found,
                "The model has no tokenizer.json, which says how text becomes tokens.");
  }
  ACCEL_TRY(const TextEmbeddingConfig config, read_text_embedding_config(manifest, fetcher));
  ACCEL_TRY(const std::filesystem::path path, fetcher("tokenizer.json"));
  ACCEL_TRY(Bytes text, read_file(path, kMaxTokenizerBytes));
  return TextFiles{config, std::move(text)};
}

std::size_t longest_of(std::span<const Encoding* const> encodings) {
  std::size_t length = 1;
  for (const Encoding* encoding : encodings) length = std::max(length, encoding->ids.size());
  return length;
}

Result<TextBatch> make_text_batch(std::span<const Encoding* const> encodings,
                                  std::size_t min_sequence, std::int32_t pad_id) {
  const std::size_t sequence = std::max(longest_of(encodings), min_sequence);
  const tensor::Shape shape{std::ssize(encodings), static_cast<std::int64_t>(sequence)};
  TextBatch batch;
  ACCEL_TRY(batch.input_ids, Tensor::zeros(DType::i64, shape));
  ACCEL_TRY(batch.attention_mask, Tensor::zeros(DType::i64, shape));
  ACCEL_TRY(batch.token_type_ids, Tensor::zeros(DType::i64, shape));
  if (pad_id != 0) {
    const auto ids = batch.input_ids.mutable_data<std::int64_t>();
    std::fill(ids.begin(), ids.end(), std::int64_t{pad_id});
  }
  for (std::size_t row = 0; row < encodings.size(); ++row) {
    fill_row(*encodings[row], row, sequence, batch);
  }
  return batch;
}

inference::RowRules text_row_rules(const inference::Session& session, std::int32_t pad_id,
                                   std::size_t sequence_axes) {
  const auto plan = plan_text_inputs(session);
  const auto masked = [&] {
    return std::ranges::find(plan->inputs, TextInput::attention_mask, &SessionPlan::Input::kind) !=
           plan->inputs.end();
  };
  inference::RowRules rules;
  if (!plan || !masked()) return rules;
  for (const SessionPlan::Input& input : plan->inputs)
    rules.padding[input.name] = input.kind == TextInput::input_ids ? pad_id : 0;
  for (const inference::TensorSpec& spec : session.outputs()) {
    if (spec.dims.size() >= sequence_axes) rules.sequence_outputs.insert(spec.name);
  }
  return rules;
}

Result<std::vector<Tensor>> run_text(inference::Session& session, const SessionPlan& plan,
                                     const TextBatch& batch, std::span<const std::string> wanted,
                                     const inference::RunOptions& options) {
  std::vector<Tensor> narrow;
  narrow.reserve(plan.inputs.size());  // Addresses of its elements are kept below.
  std::vector<inference::NamedTensor> inputs;
  for (const SessionPlan::Input& input : plan.inputs) {
    const Tensor* value = &tensor_of(batch, input.kind);
    if (input.dtype == DType::i32) {
      ACCEL_TRY(Tensor converted, as_i32(*value));
      value = &narrow.emplace_back(std::move(converted));
    }
    inputs.push_back({input.name, value});
  }
  return session.run(inputs, wanted, options);
}

}  // namespace accel::models
