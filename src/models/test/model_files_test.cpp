// SPDX-License-Identifier: Apache-2.0
#include "model_files.hpp"

#include <gmock/gmock.h>

#include "json_fields.hpp"
#include "layouts.hpp"
#include "test_files.hpp"
#include "tiny_onnx.hpp"

namespace accel::models {
namespace {

using nlohmann::json;
using testing::tiny_onnx;
using testing::TinyWeight;

TEST(ModelPath, may_name_any_file_inside) {
  for (const char* path : {"config.json", "onnx/model.onnx", "a/b/c", ".hidden", "...", "a..b",
                           "名前.json", "with space"}) {
    EXPECT_TRUE(check_model_path(path)) << path;
  }
}

TEST(ModelPath, is_shown_without_control_characters_when_it_is_refused) {
  const auto status = check_model_path("../\x1B[31mred\n");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message.find('\x1B'), std::string::npos);
  EXPECT_EQ(status.error().message.find('\n'), std::string::npos);
  EXPECT_LT(check_model_path(std::string(100'000, '/')).error().message.size(), 300U);
}

TEST(ModelPath, has_a_folder) {
  EXPECT_EQ(folder_of("onnx/model.onnx"), "onnx/");
  EXPECT_EQ(folder_of("a/b/c"), "a/b/");
  EXPECT_EQ(folder_of("model.onnx"), "");
}

TEST(CombinedHash, of_one_file_is_its_own_and_of_several_does_not_depend_on_their_order) {
  EXPECT_EQ(combine_hashes("m.onnx", {{"m.onnx", "aa"}}), "aa");
  EXPECT_EQ(combine_hashes("m.onnx", {{"m.onnx", "aa"}, {"m.data", "bb"}}),
            combine_hashes("m.onnx", {{"m.data", "bb"}, {"m.onnx", "aa"}}));
  EXPECT_NE(combine_hashes("m.onnx", {{"m.onnx", "aa"}, {"m.data", "bb"}}),
            combine_hashes("m.onnx", {{"m.onnx", "bb"}, {"m.data", "aa"}}));
}

// printf 'aa  model.onnx\nbb  w.bin\n' | sha256sum
TEST(CombinedHash, is_what_sha256sum_gives_for_its_own_output) {
  EXPECT_EQ(combine_hashes("onnx/model.onnx", {{"onnx/model.onnx", "aa"}, {"onnx/w.bin", "bb"}}),
            "4f5a10521fdccc14670ccac3687e25d97c35ad16aa462545f4f9b000544b7e61");
}

TEST(JsonFields, give_values_or_the_fallback) {
  const json object = json::parse(R"({"text": "x", "yes": true, "seven": 7, "nothing": null})");
  EXPECT_EQ(text_field(object, "text", "-", "f").value(), "x");
  EXPECT_EQ(text_field(object, "nothing", "-", "f").value(), "-");
  EXPECT_EQ(bool_field(object, "yes", false, "f").value(), true);
  EXPECT_EQ(bool_field(object, "missing", true, "f").value(), true);
  EXPECT_EQ(count_field(object, "seven", "f").value(), 7U);
  EXPECT_EQ(count_field(object, "missing", "f").value(), std::nullopt);
  EXPECT_EQ(find_field(json::array({1}), "0"), nullptr);
}

TEST(JsonFields, name_the_file_and_the_key_of_a_wrong_type) {
  const json object = json::parse(R"({"a": [], "b": "true", "c": -1, "d": 1.0})");
  for (const auto& error :
       {text_field(object, "a", "", "f.json").error(),
        bool_field(object, "b", false, "f.json").error(),
        count_field(object, "c", "f.json").error(), count_field(object, "d", "f.json").error()}) {
    EXPECT_EQ(error.code, Errc::corrupt);
    EXPECT_THAT(error.message, ::testing::StartsWith("f.json: "));
  }
}

class OnnxWeightsFile : public testing::Folder {
 protected:
  Result<OnnxWeights> inspect(std::string_view bytes) const {
    return inspect_onnx(write("m.onnx", bytes));
  }
};

TEST_F(OnnxWeightsFile, has_the_precision_of_most_of_its_bytes) {
  constexpr std::pair<std::uint64_t, const char*> kTypes[] = {
      {1, "f32"}, {10, "f16"}, {16, "bf16"}, {2, "int8"}, {3, "int8"}, {11, "f64"}};
  constexpr std::uint64_t kBytes[] = {4, 2, 2, 1, 1, 8};
  for (std::size_t i = 0; i < std::size(kTypes); ++i) {
    const auto& [type, name] = kTypes[i];
    const auto weights =
        inspect(tiny_onnx({{.type = 7, .count = 2, .bytes = 16},  // int64: shapes, no weights.
                           {.type = type, .count = 100, .bytes = 100 * kBytes[i]}}));
    ASSERT_TRUE(weights) << weights.error().to_string();
    EXPECT_EQ(weights->precision, name);
  }
  EXPECT_EQ(inspect(tiny_onnx({}))->precision, "f32");
}

TEST_F(OnnxWeightsFile, names_each_external_file_once) {
  const auto weights = inspect(tiny_onnx({{.external = "b.bin"},
                                          {.external = "a.bin"},
                                          {.external = "b.bin"},
                                          {.external = "d/c.bin"}}));
  EXPECT_EQ(weights->externals, (std::vector<std::string>{"a.bin", "b.bin", "d/c.bin"}));
}

TEST_F(OnnxWeightsFile, that_points_outside_its_folder_is_corrupt) {
  for (const char* location : {"../w.bin", "/etc/passwd", "a/../../w.bin"}) {
    EXPECT_EQ(inspect(tiny_onnx({{.external = location}})).error().code, Errc::corrupt) << location;
  }
}

TEST_F(OnnxWeightsFile, that_is_cut_off_or_empty_is_corrupt) {
  const std::string whole = tiny_onnx({{}});
  for (std::size_t size = 0; size < whole.size(); size += 3) {
    EXPECT_FALSE(inspect(whole.substr(0, size))) << size;
  }
}

TEST(PrecisionRank, puts_exact_weights_first_and_unknown_ones_last) {
  EXPECT_LT(precision_rank("f32"), precision_rank("f16"));
  EXPECT_LT(precision_rank("f16"), precision_rank("int8"));
  EXPECT_LT(precision_rank("int8"), precision_rank("int4"));
  EXPECT_LT(precision_rank("int4"), precision_rank("ternary"));
}

}  // namespace
}  // namespace accel::models
