// SPDX-License-Identifier: Apache-2.0
#include "accel/models/manifest.hpp"

#include <gmock/gmock.h>

#include "test_files.hpp"
#include "tiny_onnx.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using testing::tiny_onnx;
using testing::TinyWeight;

constexpr std::string_view kBert = R"({"model_type": "bert", "architectures": ["BertModel"]})";

class Manifest : public testing::Folder {
 protected:
  void write_sentence_encoder() {
    write("config.json", kBert);
    write("tokenizer.json", "{}");
    write("onnx/model.onnx", tiny_onnx({{}}));
  }
  Result<ModelManifest> read() const {
    const auto listing = list_directory(folder_);
    EXPECT_TRUE(listing) << listing.error().to_string();
    return read_manifest(*listing, directory_fetcher(folder_));
  }
  ModelManifest good() const {
    const auto manifest = read();
    EXPECT_TRUE(manifest) << manifest.error().to_string();
    return manifest.value_or(ModelManifest{});
  }
  Error error() const {
    const auto manifest = read();
    EXPECT_FALSE(manifest);
    return manifest ? Error{} : manifest.error();
  }
  // {path: {…}} of all that the test wrote as weights, as model.json lists it.
  json claim(const std::string& path) const {
    const auto listing = list_directory(folder_).value();
    for (const ModelFile& file : listing) {
      if (file.path == path) return {{"cid", file.cid.to_string()}, {"bytes", file.bytes}};
    }
    return {};
  }
  json described() const {
    return {{"format", "ipfs-accelerate/model"},
            {"version", 1},
            {"task", "text-embedding"},
            {"family", "bert"},
            {"variants",
             {{{"precision", "f32"},
               {"entry", "onnx/model.onnx"},
               {"files", {{"onnx/model.onnx", claim("onnx/model.onnx")}}}}}}};
  }
};

TEST_F(Manifest, of_a_sentence_encoder_says_task_family_and_variant) {
  write_sentence_encoder();
  const ModelManifest manifest = good();
  EXPECT_EQ(manifest.task, "text-embedding");
  EXPECT_EQ(manifest.family, "bert");
  EXPECT_EQ(manifest.source, "huggingface");
  ASSERT_EQ(manifest.variants.size(), 1U);
  EXPECT_EQ(manifest.variants[0].precision, "f32");
  EXPECT_EQ(manifest.variants[0].entry, "onnx/model.onnx");
  EXPECT_EQ(manifest.variants[0].bytes(), manifest.find("onnx/model.onnx")->bytes);
}

TEST_F(Manifest, asks_the_file_for_its_precision_when_the_name_does_not_tell) {
  write_sentence_encoder();
  write("onnx/model.onnx", tiny_onnx({{.type = 1}, {.type = 3, .count = 400, .bytes = 400}}));
  EXPECT_EQ(good().variants[0].precision, "int8");
}

TEST_F(Manifest, lists_variants_exact_ones_first_without_fetching_those_that_names_tell) {
  write_sentence_encoder();
  write("onnx/model_int8.onnx", "never read");
  write("onnx/model_fp16.onnx", "never read");
  write("onnx/decoder.onnx", "not a variant");
  std::vector<std::string> precisions;
  for (const Variant& variant : good().variants) precisions.push_back(variant.precision);
  EXPECT_EQ(precisions, (std::vector<std::string>{"f32", "f16", "int8"}));
}

TEST_F(Manifest, takes_the_only_onnx_file_whatever_its_name) {
  write_sentence_encoder();
  remove("onnx/model.onnx");
  write("all-minilm.onnx", tiny_onnx({{}}));
  EXPECT_EQ(good().variants[0].entry, "all-minilm.onnx");
}

TEST_F(Manifest, counts_external_data_to_the_variant) {
  write_sentence_encoder();
  write("onnx/model.onnx", tiny_onnx({{.external = "weights.bin"}, {}}));
  write("onnx/weights.bin", std::string(16, 'w'));
  const Variant variant = good().variants[0];
  ASSERT_EQ(variant.files.size(), 2U);
  EXPECT_EQ(variant.files[1].path, "onnx/weights.bin");
}

TEST_F(Manifest, names_external_data_that_is_missing) {
  write_sentence_encoder();
  write("onnx/model.onnx", tiny_onnx({{.external = "weights.bin"}}));
  EXPECT_EQ(error().code, Errc::not_found);
  EXPECT_THAT(error().message, HasSubstr("onnx/weights.bin"));
}

TEST_F(Manifest, names_each_file_that_is_missing_and_what_it_is_for) {
  constexpr std::pair<const char*, const char*> kFiles[] = {
      {"config.json", "family"}, {"tokenizer.json", "tokens"}, {"onnx/model.onnx", "weights"}};
  for (const auto& [file, purpose] : kFiles) {
    write_sentence_encoder();
    remove(file);
    EXPECT_EQ(error().code, Errc::not_found);
    EXPECT_THAT(error().message, HasSubstr(file));
    EXPECT_THAT(error().message, HasSubstr(purpose));
  }
}

TEST_F(Manifest, says_that_safetensors_alone_cannot_run) {
  write_sentence_encoder();
  remove("onnx/model.onnx");
  write("model.safetensors", "weights");
  EXPECT_EQ(error().code, Errc::unsupported);
  EXPECT_THAT(error().message, HasSubstr("model.safetensors"));
}

TEST_F(Manifest, reads_the_task_from_architecture_and_modules) {
  constexpr std::pair<const char*, const char*> kCases[] = {
      {R"({"model_type": "bert", "architectures": ["BertForSequenceClassification"]})",
       "text-classification"},
      {R"({"model_type": "bert", "architectures": ["BertForMaskedLM"]})", "fill-mask"},
      {R"({"model_type": "llama", "architectures": ["LlamaForCausalLM"]})", "text-generation"},
      {R"({"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]})",
       "automatic-speech-recognition"},
      {R"({"model_type": "resnet", "architectures": ["ResNetForImageClassification"]})",
       "image-classification"},
      {R"({"model_type": "unheard-of"})", ""},
      {R"({"model_type": "bert"})", "text-embedding"}};
  write_sentence_encoder();
  for (const auto& [config, task] : kCases) {
    write("config.json", std::string_view(config));
    EXPECT_EQ(good().task, task) << config;
  }
  write("config.json", R"({"model_type": "bert", "architectures": ["BertForMaskedLM"]})");
  write("modules.json", R"([{"type": "sentence_transformers.models.Pooling"}])");
  EXPECT_EQ(good().task, "text-embedding");
}

TEST_F(Manifest, refuses_hostile_configuration) {
  write_sentence_encoder();
  for (const std::string& config :
       {std::string("["), std::string("[]"), std::string(5000, '['), std::string("\xFF"),
        std::string(R"({"model_type": 5})"), std::string(R"({"architectures": "Bert"})"),
        std::string(R"({"architectures": [[]]})"), std::string()}) {
    write("config.json", config);
    EXPECT_EQ(error().code, Errc::corrupt) << config.substr(0, 40);
  }
  write("config.json", std::string(kMaxConfigBytes + 1, ' '));
  EXPECT_EQ(error().code, Errc::resource_exhausted);
}

TEST_F(Manifest, names_the_onnx_file_that_is_corrupt) {
  write_sentence_encoder();
  write("onnx/model.onnx", "not protobuf");
  EXPECT_EQ(error().code, Errc::corrupt);
  EXPECT_THAT(error().message, HasSubstr("onnx/model.onnx"));
}

TEST_F(Manifest, refuses_paths_that_leave_the_directory) {
  const std::vector<std::string> paths{"../config.json", "/etc/passwd", "a//b",
                                       "a/./b",          "a/..",        "",
                                       "a\\b",           {"a\0b", 3},   std::string(2000, 'x')};
  for (const std::string& path : paths) {
    const auto manifest = read_manifest({{path, {}, 1}}, directory_fetcher(folder_));
    ASSERT_FALSE(manifest) << path;
    EXPECT_EQ(manifest.error().code, Errc::corrupt);
  }
}

TEST_F(Manifest, refuses_too_many_files) {
  std::vector<ModelFile> listing;
  for (std::size_t i = 0; i <= kMaxModelFiles; ++i) listing.push_back({std::to_string(i), {}, 1});
  EXPECT_EQ(read_manifest(listing, directory_fetcher(folder_)).error().code,
            Errc::resource_exhausted);
}

TEST_F(Manifest, of_model_json_lists_its_variants) {
  write_sentence_encoder();
  write("model.json", described().dump());
  const ModelManifest manifest = good();
  EXPECT_EQ(manifest.source, "model.json");
  EXPECT_EQ(manifest.task, "text-embedding");
  ASSERT_EQ(manifest.variants.size(), 1U);
  EXPECT_EQ(manifest.variants[0].entry, "onnx/model.onnx");
  EXPECT_EQ(manifest.variants[0].format, "onnx");
  EXPECT_EQ(manifest.variants[0].claimed_sha256, "");
}

TEST_F(Manifest, of_model_json_names_the_graphs_of_a_variant) {
  write_sentence_encoder();
  write("onnx/decoder.onnx", "no graph");
  json document = described();
  json& variant = document["variants"][0];
  variant["files"]["onnx/decoder.onnx"] = json::object();
  variant["entry"] = "onnx/model.onnx";
  variant["graphs"] = {{"encoder", "onnx/model.onnx"}, {"decoder", "onnx/decoder.onnx"}};
  write("model.json", document.dump());
  const ModelManifest manifest = good();
  EXPECT_EQ(manifest.variants.at(0).graphs.at("decoder"), "onnx/decoder.onnx");
  const auto files = fetch_graphs(manifest.variants[0], directory_fetcher(folder_));
  ASSERT_FALSE(files);  // The decoder is looked at too.
  EXPECT_THAT(files.error().message, HasSubstr("onnx/decoder.onnx"));
  const json wrong = json::parse(
      R"([{}, [], {"a": 5}, {"": "onnx/model.onnx"}, {"a": "onnx/other.onnx"}, {"a": "onnx/decoder.onnx"}])");
  for (const json& graphs : wrong) {
    variant["graphs"] = graphs;
    write("model.json", document.dump());
    EXPECT_EQ(error().code, Errc::corrupt) << graphs;
  }
}

TEST_F(Manifest, refuses_a_model_json_that_does_not_match_its_directory) {
  write_sentence_encoder();
  const json lies = json::parse(R"({"bytes": 1, "cid": "bafkqaaa", "sha256": "00"})");
  for (const auto& [key, value] : lies.items()) {
    json document = described();
    document["variants"][0]["files"]["onnx/model.onnx"][key] = value;
    write("model.json", document.dump());
    EXPECT_EQ(error().code, Errc::corrupt) << key;
    EXPECT_THAT(error().message, HasSubstr("onnx/model.onnx")) << key;
  }
  json document = described();
  document["variants"][0]["files"]["onnx/other.onnx"] = json::object();
  write("model.json", document.dump());
  EXPECT_EQ(error().code, Errc::not_found);
}

TEST_F(Manifest, refuses_a_model_json_of_the_wrong_shape) {
  write_sentence_encoder();
  constexpr const char* kPatches[] = {
      R"({"format": "other"})",
      R"({"version": 2})",
      R"({"version": null})",
      R"({"task": null})",
      R"({"variants": []})",
      R"({"variants": {}})",
      R"({"variants": [{}]})",
      R"({"variants": [5]})",
      R"({"variants": [{"precision": "f32", "files": {"../x": {}}}]})",
      R"({"variants": [{"precision": "f32", "entry": "y", "files": {"onnx/model.onnx": {}}}]})",
      R"({"variants": [{"precision": 32, "files": {"onnx/model.onnx": {}}}]})"};
  for (const char* patch : kPatches) {
    json document = described();
    document.merge_patch(json::parse(patch));
    write("model.json", document.dump());
    EXPECT_TRUE(error().code == Errc::corrupt || error().code == Errc::unsupported) << patch;
  }
}

TEST_F(Manifest, passes_the_words_of_the_fetcher_on) {
  write_sentence_encoder();
  const auto broken = [](std::string_view) -> Result<std::filesystem::path> {
    return fail(Errc::unavailable, "No source has it.");
  };
  EXPECT_EQ(read_manifest(list_directory(folder_).value(), broken).error().message,
            "No source has it.");
}

TEST_F(Manifest, fetcher_of_a_directory_stays_inside_it) {
  const Fetcher fetch = directory_fetcher(folder_);
  EXPECT_EQ(fetch("../../etc/passwd").error().code, Errc::invalid_argument);
  EXPECT_EQ(fetch("missing").error().code, Errc::not_found);
  EXPECT_EQ(list_directory(folder_ / "missing").error().code, Errc::not_found);
}

}  // namespace
}  // namespace accel::models
