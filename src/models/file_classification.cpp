// SPDX-License-Identifier: Apache-2.0
// Magika: what kind of content a file has, from its first and last bytes. Spec: the model's own
// config.min.json (version 3) and the feature extraction v2 of magika's documentation.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "families.hpp"
#include "json_fields.hpp"
#include "labels.hpp"
#include "model_files.hpp"
#include "one_graph.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using tensor::Tensor;

constexpr std::string_view kWhat = "config.min.json";
constexpr std::uint64_t kMaxFeatureBytes = 1U << 20U;

struct MagikaConfig {
  std::size_t begin = 0, end = 0;  // How many bytes of each.
  std::size_t block = 0;           // Of how many they are taken, after white space is gone.
  std::int32_t padding = 256;
  std::size_t min_bytes = 8;
  Labels labels{{}, Activation::none};
};

bool is_space(std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

Result<std::size_t> size_field(const json& config, std::string_view key) {
  ACCEL_TRY(const auto value, count_field(config, key, kWhat));
  if (value && *value <= kMaxFeatureBytes) return static_cast<std::size_t>(*value);
  return fail(Errc::corrupt, "{}: {} must be there and at most {}.", kWhat, key, kMaxFeatureBytes);
}

Result<MagikaConfig> read_config(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(const json root, read_json_file(manifest.files, fetcher, kWhat,
                                            "which bytes of a file the model takes"));
  MagikaConfig config;
  ACCEL_TRY(config.begin, size_field(root, "beg_size"));
  ACCEL_TRY(config.end, size_field(root, "end_size"));
  ACCEL_TRY(config.block, size_field(root, "block_size"));
  ACCEL_TRY(config.min_bytes, size_field(root, "min_file_size_for_dl"));
  ACCEL_TRY(const std::size_t padding, size_field(root, "padding_token"));
  ACCEL_TRY(const std::size_t middle, size_field(root, "mid_size"));
  ACCEL_TRY(const bool offsets, bool_field(root, "use_inputs_at_offsets", false, kWhat));
  if (middle != 0 || offsets)
    return fail(Errc::unsupported, "{}: bytes of a file's middle are not implemented.", kWhat);
  if (config.begin + config.end == 0)
    return fail(Errc::corrupt, "{}: beg_size and end_size are both 0.", kWhat);
  config.padding = static_cast<std::int32_t>(padding);
  const json* const names = find_field(root, "target_labels_space");
  if (names == nullptr || !names->is_array() || names->size() > kMaxLabels)
    return fail(Errc::corrupt, "{}: target_labels_space must be a list of labels.", kWhat);
  for (const json& name : *names) {
    if (!name.is_string())
      return fail(Errc::corrupt, "{}: target_labels_space must be a list of labels.", kWhat);
    config.labels.names.push_back(name.get<std::string>());
  }
  return config;
}

// The start without the white space before it, filled up on the right; the end without what is
// behind it, filled up on the left.
Result<Tensor> features_of(const MagikaConfig& config, ByteView file) {
  const auto width = static_cast<std::int64_t>(config.begin + config.end);
  ACCEL_TRY(Tensor tensor, Tensor::zeros(tensor::DType::i32, {1, width}));
  const auto out = tensor.mutable_data<std::int32_t>();
  std::ranges::fill(out, config.padding);
  const std::size_t block = std::min(config.block, file.size());
  ByteView head = file.first(block);
  while (!head.empty() && is_space(head.front())) head = head.subspan(1);
  head = head.first(std::min(head.size(), config.begin));
  std::ranges::copy(head, out.begin());
  ByteView tail = file.last(block);
  while (!tail.empty() && is_space(tail.back())) tail = tail.first(tail.size() - 1);
  tail = tail.last(std::min(tail.size(), config.end));
  std::ranges::copy(tail, out.end() - static_cast<std::ptrdiff_t>(tail.size()));
  return tensor;
}

class FileWorkload final : public Workload {
 public:
  FileWorkload(const Labels& labels, Tensor features, std::size_t top_k)
      : labels_(labels), features_(std::move(features)), top_k_(top_k) {}

  Result<FamilyResult> run(inference::Session& session,
                           const inference::RunOptions& options) const override {
    const auto& inputs = session.inputs();
    if (inputs.size() != 1 || inputs[0].dtype != tensor::DType::i32) {
      return fail(Errc::unsupported, "The model is no Magika: that has one input of int32 bytes.");
    }
    const inference::NamedTensor given[] = {{inputs[0].name, &features_}};
    const std::vector<std::string> wanted{session.outputs().at(0).name};
    ACCEL_TRY(const std::vector<Tensor> outputs, session.run(given, wanted, options));
    ACCEL_TRY(const auto scores, values_of(outputs.at(0), wanted[0], {1, std::nullopt}));
    ACCEL_CHECK(labels_.check(scores.size()));
    FamilyResult result;
    result.numbers.emplace_back(scores.begin(), scores.end());
    result.rows.push_back(best_of(labels_, scores, top_k_));
    return result;
  }

 private:
  const Labels& labels_;
  Tensor features_;
  std::size_t top_k_;
};

class FileClassification final : public Family {
 public:
  explicit FileClassification(MagikaConfig config) : config_(std::move(config)) {}

  Result<std::unique_ptr<Workload>> prepare(FamilyInput input) const override {
    ACCEL_CHECK(expect_media(input, "file"));
    ACCEL_CHECK(expect_no_draw(input));
    if (input.media.size() < config_.min_bytes) {
      return fail(Errc::invalid_argument,
                  "The file has {} bytes; the model says nothing of less than {}.",
                  input.media.size(), config_.min_bytes);
    }
    ACCEL_TRY(Tensor features, features_of(config_, input.media));
    return std::make_unique<FileWorkload>(config_.labels, std::move(features), input.top_k);
  }

 private:
  MagikaConfig config_;
};

}  // namespace

OpenedFamily open_file_classification(const ModelManifest& manifest, const Fetcher& fetcher) {
  ACCEL_TRY(MagikaConfig config, read_config(manifest, fetcher));
  return std::make_shared<const FileClassification>(std::move(config));
}

}  // namespace accel::models
