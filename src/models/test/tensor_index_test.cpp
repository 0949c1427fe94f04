// SPDX-License-Identifier: Apache-2.0
#include "accel/models/tensor_index.hpp"

#include <gmock/gmock.h>

#include "accel/core/file.hpp"
#include "weights_builder.hpp"

namespace accel::models {
namespace {

using test::GgufBuilder;
using test::safetensors;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTwo =
    R"({"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[2, 3],"data_offsets":[8,20]},)"
    R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} )";

TEST(Safetensors, tells_where_each_tensor_lies_in_the_order_of_the_file) {
  const std::string file = safetensors(kTwo, 20);
  const auto header = read_safetensors(as_bytes(file), file.size());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->needs_bytes, 0U);
  const std::uint64_t data = file.size() - 20;
  EXPECT_EQ(header->index.header_bytes, data);
  ASSERT_EQ(header->index.tensors.size(), 2U);
  const TensorPlace& a = header->index.tensors[0];
  const TensorPlace& b = header->index.tensors[1];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.offset, data);
  EXPECT_EQ(a.length, 8U);
  EXPECT_EQ(b.dtype, "BF16");
  EXPECT_THAT(b.shape, ElementsAre(2U, 3U));
  EXPECT_EQ(b.offset, data + 8);
}

TEST(Safetensors, asks_for_what_it_needs_of_the_start) {
  const std::string file = safetensors(kTwo, 20);
  EXPECT_EQ(read_safetensors({}, file.size())->needs_bytes, 8U);
  EXPECT_EQ(read_safetensors(as_bytes(file).first(8), file.size())->needs_bytes, file.size() - 20);
  const auto whole = read_safetensors(as_bytes(file).first(file.size() - 20), file.size());
  EXPECT_EQ(whole->index.tensors.size(), 2U);
}

TEST(Safetensors, refuses_headers_that_contradict_the_file_with_a_sentence) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "end at"},
      {R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,8]}})", "do not fit"},
      {R"({"a":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}})", "of 20 bytes"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[8,4]}})", "lies at 8 to 4"},
      {R"({"a":{"dtype":"X9","shape":[5],"data_offsets":[0,20]}})", "do not fit"},
      {R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0]}})", "lacks"},
      {R"({"a":{"dtype":"F32","data_offsets":[0,20]}})", "lacks"},
      {R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]},"a":{}})", "twice"},
      {R"({"a":{"dtype":"U8","shape":[12],"data_offsets":[0,12]},)"
       R"("b":{"dtype":"U8","shape":[10],"data_offsets":[10,20]}})",
       "overlaps"},
      {R"({"a":{"dtype":"F64","shape":[72057594037927936,4096],"data_offsets":[0,0]}})", "fit"},
      {R"({"a":{"dtype":"F32","shape":[-5],"data_offsets":[0,20]}})", "lacks"},
      {R"({"a":{"dtype":"F32","shape":[5,],"data_offsets":[0,20]}})", "lacks"},
      {R"({"a":{"dtype":"F32","shape":[5],"data_offsets":[0,20]}} x)", "follow"},
      {R"({"a":5})", "JSON"},
      {R"([])", "JSON"},
      {R"({"a":)", "JSON"}};
  for (const auto& [header, words] : cases) {
    const std::string file = safetensors(header, 20);
    const auto read = read_safetensors(as_bytes(file), file.size());
    ASSERT_FALSE(read) << header;
    EXPECT_EQ(read.error().code, Errc::corrupt) << header;
    EXPECT_THAT(read.error().message, HasSubstr(words)) << header;
  }
  std::string lying = safetensors("{}", 0);
  lying[7] = '\x7f';
  EXPECT_THAT(read_safetensors(as_bytes(lying), lying.size()).error().message, HasSubstr("claims"));
  EXPECT_FALSE(read_safetensors(as_bytes("abc"), 3));
}

TEST(Safetensors, an_empty_file_and_empty_tensors_are_valid) {
  std::string file = safetensors("{}", 0);
  EXPECT_TRUE(read_safetensors(as_bytes(file), file.size()));
  file = safetensors(R"({"e":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},)"
                     R"("s":{"dtype":"I64","shape":[],"data_offsets":[0,8]}})",
                     8);
  const auto header = read_safetensors(as_bytes(file), file.size());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->index.tensors[1].length, 8U);
}

GgufBuilder small_gguf() {
  return GgufBuilder()
      .text("general.architecture", "llama")
      .texts("tokenizer.ggml.tokens", {"a", "b", "c"})
      .tensor("token_embd.weight", {64, 3}, 0, 0)
      .tensor("blk.0.attn_q.weight", {256, 2}, 12, 768);
}

TEST(Gguf, tells_where_each_tensor_lies) {
  const std::string file = small_gguf().build(768 + 288);
  const auto header = read_gguf(as_bytes(file), file.size());
  ASSERT_TRUE(header) << header.error().message;
  ASSERT_EQ(header->index.tensors.size(), 2U);
  const TensorPlace& first = header->index.tensors[0];
  const TensorPlace& second = header->index.tensors[1];
  EXPECT_THAT(first.shape, ElementsAre(3U, 64U));
  EXPECT_EQ(first.offset, header->index.header_bytes);
  EXPECT_EQ(first.length, 768U);
  EXPECT_EQ(second.dtype, "Q4_K");
  EXPECT_EQ(second.length, 288U);
  EXPECT_EQ(second.offset + second.length, file.size());
}

TEST(Gguf, asks_for_more_of_the_start_until_it_is_enough) {
  std::vector<std::string> words(200'000, "a word of the vocabulary");
  const std::string file = GgufBuilder().texts("tokens", words).tensor("x", {32}, 0, 0).build(128);
  std::uint64_t have = 0;
  int steps = 0;
  for (; steps < 20; ++steps) {
    const auto header = read_gguf(as_bytes(file).first(have), file.size());
    ASSERT_TRUE(header) << header.error().message;
    if (header->needs_bytes == 0) break;
    ASSERT_GT(header->needs_bytes, have);
    ASSERT_LE(header->needs_bytes, file.size());
    have = header->needs_bytes;
  }
  EXPECT_LT(steps, 8);
}

TEST(Gguf, a_type_that_is_not_known_ends_where_the_next_begins) {
  const std::string file =
      GgufBuilder().tensor("odd", {7}, 200, 0).tensor("next", {8}, 0, 96).build(128);
  const auto header = read_gguf(as_bytes(file), file.size());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->index.tensors[0].dtype, "type 200");
  EXPECT_EQ(header->index.tensors[0].length, 96U);
}

TEST(Gguf, an_alignment_of_its_own_counts) {
  const std::string file =
      GgufBuilder().u32("general.alignment", 4096).tensor("x", {8}, 0, 4096).build(8192, 3, 4096);
  const auto header = read_gguf(as_bytes(file), file.size());
  ASSERT_TRUE(header) << header.error().message;
  EXPECT_EQ(header->index.tensors[0].offset, header->index.header_bytes + 4096);
  EXPECT_EQ(header->index.header_bytes % 4096, 0U);
}

TEST(Gguf, refuses_what_can_not_be_with_a_sentence) {
  const auto refuses = [](const std::string& file, const char* words) {
    const auto read = read_gguf(as_bytes(file), file.size());
    ASSERT_FALSE(read) << words;
    EXPECT_THAT(read.error().message, HasSubstr(words));
  };
  refuses("GGUX" + std::string(60, '\0'), "does not begin");
  refuses(small_gguf().build(10), "more than there is room");
  refuses(GgufBuilder().build(0, 9), "version 9");
  refuses(GgufBuilder().u32("general.alignment", 3).build(0), "alignment is 3");
  refuses(GgufBuilder().tensor("x", {31}, 2, 0).build(64), "no whole blocks");
  refuses(GgufBuilder().tensor("x", {1, 1, 1, 1, 1}, 0, 0).build(64), "dimensions");
  refuses(GgufBuilder().tensor("x", {1ULL << 40U, 1ULL << 40U}, 0, 0).build(64), "elements");
  refuses(GgufBuilder().tensor("x", {8}, 0, 5).build(64), "not aligned");
  refuses(GgufBuilder().tensor("x", {8}, 0, 0).tensor("y", {8}, 0, 0).build(64), "room");
  refuses(GgufBuilder().tensor("x", {8}, 0, 0).tensor("x", {8}, 0, 32).build(64), "twice");
  const std::string whole = small_gguf().build(0);
  refuses(whole.substr(0, 40), "no end within");
  std::string counts = "GGUF";
  test::append_number(counts, 3, 4);
  test::append_number(counts, ~std::uint64_t{0}, 8);
  test::append_number(counts, 0, 8);
  refuses(counts, "claims");
}

std::string onnx_sample(const std::string& name) {
  const auto text = read_text_file("test/fuzz/corpus/onnx_reader/" + name, 1U << 20U);
  return text ? *text : std::string();
}

TEST(OnnxTensors, are_told_with_the_place_of_their_raw_bytes) {
  const std::string file = onnx_sample("large_weight.onnx");
  const auto index = read_onnx_tensors(as_bytes(file));
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_EQ(index->tensors.size(), 2U);
  const TensorPlace& big = index->tensors[1];
  EXPECT_EQ(big.name, "big");
  EXPECT_EQ(big.dtype, "I8");
  EXPECT_THAT(big.shape, ElementsAre(16'384U));
  EXPECT_EQ(big.length, 16'384U);
  EXPECT_EQ(file.substr(big.offset, big.length), std::string(16'384, '\7'));
}

TEST(OnnxTensors, that_lie_in_another_file_name_it) {
  const auto index = read_onnx_tensors(as_bytes(onnx_sample("external.onnx")));
  ASSERT_TRUE(index) << index.error().message;
  ASSERT_EQ(index->tensors.size(), 1U);
  EXPECT_EQ(index->tensors[0].file, "weights.bin");
  EXPECT_EQ(index->tensors[0].offset, 8U);
  EXPECT_EQ(index->tensors[0].length, 8U);
}

TEST(SelectTensors, matches_globs_and_names_what_matches_nothing) {
  TensorIndex index;
  for (const char* name : {"layers.0.q", "layers.0.k", "layers.10.q", "norm"}) {
    index.tensors.emplace_back().name = name;
  }
  const auto count = [&](std::vector<std::string> patterns) {
    const auto selected = select_tensors(index, patterns);
    return selected ? selected->size() : 0U;
  };
  EXPECT_EQ(count({"layers.0.*"}), 2U);
  EXPECT_EQ(count({"layers.0.*", "norm"}), 3U);
  EXPECT_EQ(count({"*.q"}), 2U);
  EXPECT_EQ(count({"layers.?.q", "layers.0.q"}), 1U);
  EXPECT_EQ(count({}), 4U);
  const auto none = select_tensors(index, {"norm", "layers.0.v"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::not_found);
  EXPECT_THAT(none.error().message, HasSubstr("\"layers.0.v\""));
  EXPECT_THAT(none.error().message, HasSubstr("layers.0.k"));
}

TEST(WeightsFormat, is_told_by_name_or_by_the_first_bytes) {
  EXPECT_EQ(weights_format("a/model.gguf", {}), WeightsFormat::gguf);
  EXPECT_EQ(weights_format("", as_bytes("GGUF\x03")), WeightsFormat::gguf);
  EXPECT_EQ(weights_format("", as_bytes(safetensors(kTwo, 20))), WeightsFormat::safetensors);
  EXPECT_EQ(weights_format("README", as_bytes("# A model")).error().code, Errc::unsupported);
}

}  // namespace
}  // namespace accel::models
