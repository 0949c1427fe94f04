// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two models that the fake device of inference/test/fake_plugin ("breaks") runs, one of pictures
// and one of texts, as folders in Hugging Face layout. A long chain of Relu, which changes nothing
// after the first and which the device does in one step, makes the CPU the slower of the two.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>

#include "accel/inference/backend.hpp"
#include "onnx_builder.hpp"

namespace accel::node::testing {

// Pictures of one pixel, as base64: a grey that is computed, the one that breaks the device, and
// the one that it refuses as bad input.
inline constexpr const char* kGrey =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPg4uICAABAAB9egfgSAAAAAElFTkSuQmCC";
inline constexpr const char* kBreakingGrey =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGPw9fUFAAHSAOhesXztAAAAAElFTkSuQmCC";
inline constexpr const char* kRefusedGrey =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGOIiIgAAAIUAQm2bB+KAAAAAElFTkSuQmCC";

inline void write_file(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline void write_model(const std::filesystem::path& path, inference::testing::GraphParts parts) {
  constexpr int kChain = 600;
  for (int i = 0; i < kChain; ++i) {
    const std::string to = i + 1 == kChain ? "y" : fmt::format("r{}", i + 1);
    parts.nodes.push_back(inference::testing::node("Relu", {fmt::format("r{}", i)}, to));
  }
  const Bytes bytes = inference::testing::model(inference::testing::graph(parts));
  write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

inline Bytes weights(std::string_view name, std::vector<std::int64_t> dims) {
  const auto count = std::reduce(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>((i * 7 + 3) % 17) / 16.0F;
  return inference::testing::tensor({.name = std::string(name),
                                     .dims = std::move(dims),
                                     .type = 1,
                                     .raw = inference::testing::floats(values),
                                     .external = {}});
}

// relu(flatten(pixels) · w + b): three scores.
inline std::filesystem::path write_picture_model(const std::filesystem::path& folder) {
  using inference::testing::node;
  const std::vector<std::int64_t> in{-1, 3, 1, 1}, out{-1, 3};
  write_model(folder / "model.onnx",
              {{node("Flatten", {"pixel_values"}, "flat"), node("MatMul", {"flat", "w"}, "product"),
                node("Add", {"product", "b"}, "r0")},
               {weights("w", {3, 3}), weights("b", {3})},
               {inference::testing::value("pixel_values", in)},
               {inference::testing::value("y", out)}});
  write_file(folder / "config.json",
             R"({"model_type": "vit", "architectures": ["ViTForImageClassification"],
                 "id2label": {"0": "red", "1": "green", "2": "blue"}})");
  write_file(folder / "preprocessor_config.json",
             R"({"do_resize": false, "do_rescale": false, "do_normalize": false})");
  return folder;
}

// relu(table[ids]), the mean over a text's tokens. The word "breaking" is token 77, "refused" 88,
// and "outside" one that the table has not.
inline std::filesystem::path write_text_model(const std::filesystem::path& folder) {
  using inference::testing::value;
  constexpr std::uint64_t kInt64 = 7;
  const std::vector<std::int64_t> in{-1, -1}, out{-1, -1, 4};
  write_model(folder / "model.onnx",
              {{inference::testing::node("Gather", {"table", "input_ids"}, "r0")},
               {weights("table", {100, 4})},
               {value("input_ids", in, kInt64), value("attention_mask", in, kInt64)},
               {value("y", out)}});
  write_file(folder / "config.json",
             R"({"model_type": "bert", "architectures": ["BertModel"], "hidden_size": 4})");
  write_file(
      folder / "modules.json",
      R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                 {"idx": 1, "name": "1", "path": "1_Pooling",
                  "type": "sentence_transformers.models.Pooling"}])");
  write_file(folder / "1_Pooling/config.json",
             R"({"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true})");
  write_file(folder / "tokenizer.json",
             R"({"normalizer": {"type": "BertNormalizer"},
                 "pre_tokenizer": {"type": "BertPreTokenizer"},
                 "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2],
                                    "sep": ["[SEP]", 4]},
                 "padding": {"pad_id": 9},
                 "model": {"type": "WordPiece",
                           "vocab": {"[UNK]": 1, "[CLS]": 2, "[SEP]": 4, "a": 6, "cat": 12,
                                     "dog": 13, "breaking": 77, "refused": 88, "outside": 150}}})");
  return folder;
}

// The fake device among those of ONNX Runtime's one environment, for as long as the process lives:
// the backends of later nodes list it too. Null, with a reason, where it can't be.
inline std::unique_ptr<inference::Backend> add_breaking_device(std::string& why) {
  auto backend = inference::make_onnxruntime_backend(
      {.library = {}, .plugins = {{"breaks.virtual", ACCEL_BREAKING_PLUGIN}}});
  const auto info = backend->probe();
  if (!info) {
    why = info.error().to_string();
    return nullptr;
  }
  for (const auto& device : info->devices)
    if (device.id == "cuda:0") return backend;
  why = fmt::format("{}", fmt::join(info->notes, " "));
  return nullptr;
}

}  // namespace accel::node::testing
