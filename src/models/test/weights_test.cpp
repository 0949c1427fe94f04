// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include "accel/crypto/sha256.hpp"
#include "accel/models/manifest.hpp"
#include "test_files.hpp"
#include "tiny_onnx.hpp"

namespace accel::models {
namespace {

using testing::tiny_onnx;

std::string sha256_of(std::string_view text) { return to_hex(crypto::sha256(as_bytes(text))); }

class Weights : public testing::Folder {
 protected:
  Variant variant_of(const std::vector<std::string>& paths) const {
    Variant variant;
    variant.entry = paths.front();
    const std::vector<ModelFile> listing = list_directory(folder_).value();
    for (const ModelFile& file : listing) {
      for (const std::string& path : paths) {
        if (file.path == path) variant.files.push_back(file);
      }
    }
    return variant;
  }
  Fetcher fetcher() const { return directory_fetcher(folder_); }
};

TEST_F(Weights, of_one_file_hash_to_its_sha256) {
  write("onnx/model.onnx", "abc");
  EXPECT_EQ(weights_sha256(variant_of({"onnx/model.onnx"}), fetcher()).value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-4
}

TEST_F(Weights, of_several_files_hash_to_what_sha256sum_prints_hashed) {
  write("onnx/model.onnx", "graph");
  write("onnx/model.onnx_data", "weights");
  const std::string lines =
      sha256_of("graph") + "  model.onnx\n" + sha256_of("weights") + "  model.onnx_data\n";
  EXPECT_EQ(
      weights_sha256(variant_of({"onnx/model.onnx", "onnx/model.onnx_data"}), fetcher()).value(),
      sha256_of(lines));
}

TEST_F(Weights, have_the_same_hash_and_key_under_another_folder) {
  write("onnx/model.onnx", "graph");
  write("onnx/model.onnx_data", "weights");
  write("model.onnx", "graph");
  write("model.onnx_data", "weights");
  const Variant below = variant_of({"onnx/model.onnx", "onnx/model.onnx_data"});
  const Variant top = variant_of({"model.onnx", "model.onnx_data"});
  EXPECT_EQ(weights_sha256(below, fetcher()).value(), weights_sha256(top, fetcher()).value());
  EXPECT_EQ(below.content_key(), top.content_key());
}

TEST_F(Weights, that_differ_have_other_keys) {
  write("a.onnx", "one");
  write("b.onnx", "two");
  EXPECT_NE(variant_of({"a.onnx"}).content_key(), variant_of({"b.onnx"}).content_key());
}

TEST_F(Weights, larger_than_the_read_buffer_hash_whole) {
  const std::string large(1'000'003, 'x');
  write("model.onnx", large);
  EXPECT_EQ(weights_sha256(variant_of({"model.onnx"}), fetcher()).value(), sha256_of(large));
}

TEST_F(Weights, that_are_not_what_model_json_claims_are_refused) {
  write("model.onnx", "abc");
  Variant variant = variant_of({"model.onnx"});
  variant.claimed_sha256 = sha256_of("abd");
  const auto hash = weights_sha256(variant, fetcher());
  ASSERT_FALSE(hash);
  EXPECT_EQ(hash.error().code, Errc::corrupt);
  EXPECT_THAT(hash.error().message, ::testing::HasSubstr("model.onnx"));
}

TEST_F(Weights, claims_of_all_files_make_the_claim_of_the_variant) {
  write("config.json", "{}");
  write("m.onnx", "graph");
  write("m.data", "weights");
  const nlohmann::json document = {{"format", "ipfs-accelerate/model"},
                                   {"version", 1},
                                   {"task", "text-embedding"},
                                   {"variants",
                                    {{{"precision", "f32"},
                                      {"entry", "m.onnx"},
                                      {"files",
                                       {{"m.data", {{"sha256", sha256_of("weights")}}},
                                        {"m.onnx", {{"sha256", sha256_of("graph")}}}}}}}}};
  write("model.json", document.dump());
  const auto manifest = read_manifest(list_directory(folder_).value(), fetcher()).value();
  ASSERT_EQ(manifest.variants[0].files.front().path, "m.onnx");
  EXPECT_EQ(weights_sha256(manifest.variants[0], fetcher()).value(),
            manifest.variants[0].claimed_sha256);
}

TEST_F(Weights, stop_hashing_when_asked) {
  write("model.onnx", "abc");
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(weights_sha256(variant_of({"model.onnx"}), fetcher(), source.get_token()).error().code,
            Errc::cancelled);
}

TEST_F(Weights, that_are_shorter_than_the_listing_says_are_corrupt) {
  write("model.onnx", "abc");
  Variant variant = variant_of({"model.onnx"});
  variant.files[0].bytes = 5;
  EXPECT_EQ(weights_sha256(variant, fetcher()).error().code, Errc::corrupt);
}

TEST_F(Weights, are_fetched_with_their_external_data) {
  write("onnx/model.onnx", tiny_onnx({{.external = "w.bin"}}));
  write("onnx/w.bin", std::string(16, '\0'));
  const auto path = fetch_variant(variant_of({"onnx/model.onnx", "onnx/w.bin"}), fetcher());
  EXPECT_EQ(path.value(), folder_ / "onnx/model.onnx");
}

TEST_F(Weights, name_external_data_that_the_variant_lacks) {
  write("onnx/model.onnx", tiny_onnx({{.external = "w.bin"}}));
  const auto path = fetch_variant(variant_of({"onnx/model.onnx"}), fetcher());
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, Errc::not_found);
  EXPECT_THAT(path.error().message, ::testing::HasSubstr("onnx/w.bin"));
}

TEST_F(Weights, whose_external_data_lies_elsewhere_are_refused) {
  write("onnx/model.onnx", tiny_onnx({{.external = "w.bin"}}));
  write("onnx/w.bin", std::string(16, '\0'));
  const auto elsewhere = write("elsewhere/w.bin", std::string(16, '\0'));
  const Fetcher inside = fetcher();
  const Fetcher scattered = [&](std::string_view path) -> Result<std::filesystem::path> {
    return path == "onnx/w.bin" ? elsewhere : inside(path);
  };
  EXPECT_EQ(fetch_variant(variant_of({"onnx/model.onnx", "onnx/w.bin"}), scattered).error().code,
            Errc::unsupported);
}

}  // namespace
}  // namespace accel::models
