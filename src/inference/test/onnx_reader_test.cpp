// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/onnx_reader.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "accel/core/file.hpp"
#include "accel/inference/canary.hpp"
#include "onnx_builder.hpp"

namespace accel::inference {
namespace {

using testing::add_graph;
using testing::GraphParts;
using testing::model;
using testing::put_bytes;
using testing::put_text;
using testing::put_varint_field;
using testing::TensorParts;

Error corrupt(const Bytes& file) {
  const Result<OnnxSummary> summary = read_onnx(file);
  EXPECT_FALSE(summary);
  if (summary) return {};
  EXPECT_EQ(summary.error().code, Errc::corrupt) << summary.error().to_string();
  EXPECT_TRUE(summary.error().message.ends_with(".")) << summary.error().message;
  return summary.error();
}

Bytes with_initializer(const TensorParts& parts) {
  GraphParts graph = add_graph();
  graph.initializers = {testing::tensor(parts)};
  return model(testing::graph(graph));
}

class Folder {
 public:
  Folder() {
    std::string name = ::testing::TempDir() + "onnx_reader_XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& name, std::size_t bytes) const {
    std::ofstream(path_ / name) << std::string(bytes, 'x');
  }

 private:
  std::filesystem::path path_;
};

OnnxSummary external_model(std::vector<std::pair<std::string, std::string>> entries) {
  return read_onnx(with_initializer({.name = "w", .dims = {2}, .external = std::move(entries)}))
      .value();
}

TEST(OnnxReader, reads_names_types_and_dims_of_a_model) {
  const OnnxSummary summary = read_onnx(canary_model(-1)).value();
  EXPECT_EQ(summary.ir_version, 8);
  EXPECT_EQ(summary.opset, 13);
  EXPECT_EQ(summary.producer, "ipfs-accelerate");
  EXPECT_EQ(summary.node_count, 3U);
  ASSERT_EQ(summary.inputs.size(), 1U);
  EXPECT_EQ(to_string(summary.inputs[0]), "x: f32 [?, 16]");
  ASSERT_EQ(summary.outputs.size(), 1U);
  EXPECT_EQ(to_string(summary.outputs[0]), "y: f32 [?, 8]");
}

TEST(OnnxReader, finds_each_initializer_and_where_its_bytes_lie) {
  const Bytes file = canary_model();
  const OnnxSummary summary = read_onnx(file).value();
  ASSERT_EQ(summary.initializers.size(), 2U);
  const OnnxInitializer& bias = summary.initializers[1];
  EXPECT_EQ(bias.name, "bias");
  EXPECT_EQ(bias.dims, (std::vector<std::int64_t>{8}));
  ASSERT_TRUE(bias.raw);
  EXPECT_EQ(bias.raw->length, 32U);
  float first = 0;
  std::memcpy(&first, file.data() + bias.raw->offset, sizeof first);
  EXPECT_EQ(first, -0.25F);
}

TEST(OnnxReader, sees_what_draws_at_random_also_in_sub_graphs) {
  const auto draws = [](const Bytes& node) {
    GraphParts graph = add_graph();
    graph.nodes.push_back(node);
    return read_onnx(model(testing::graph(graph))).value().draws;
  };
  EXPECT_FALSE(read_onnx(canary_model()).value().draws);
  EXPECT_TRUE(draws(testing::node("RandomNormalLike", {"x"}, "noise")));
  EXPECT_TRUE(draws(testing::node("Bernoulli", {"x"}, "noise")));
  EXPECT_FALSE(draws(testing::node("Dropout", {"x", "ratio"}, "kept")));
  EXPECT_TRUE(draws(testing::node("Dropout", {"x", "ratio", "training"}, "kept")));
  GraphParts body;
  body.nodes = {testing::node("RandomUniform", {}, "noise")};
  Bytes attribute;
  put_bytes(attribute, 6, testing::graph(body));
  Bytes outer = testing::node("If", {"x"}, "z");
  put_bytes(outer, 5, attribute);
  EXPECT_TRUE(draws(outer));
}

TEST(OnnxReader, an_initializer_that_doubles_as_an_input_is_no_input) {
  GraphParts graph = add_graph();
  graph.inputs.push_back(testing::value("w", std::vector<std::int64_t>{2}));
  const OnnxSummary summary = read_onnx(model(testing::graph(graph))).value();
  ASSERT_EQ(summary.inputs.size(), 1U);
  EXPECT_EQ(summary.inputs[0].name, "x");
}

TEST(OnnxReader, an_input_without_a_shape_takes_any_rank) {
  Bytes type;
  put_varint_field(type, 1, 7);
  Bytes wrapped;
  put_bytes(wrapped, 1, type);
  Bytes input;
  put_text(input, 1, "x");
  put_bytes(input, 2, wrapped);
  GraphParts graph = add_graph();
  graph.inputs = {input};
  const OnnxSummary summary = read_onnx(model(testing::graph(graph))).value();
  EXPECT_FALSE(summary.inputs[0].rank_known);
  EXPECT_EQ(to_string(summary.inputs[0]), "x: i64 of any shape");
}

TEST(OnnxReader, reads_packed_dims) {
  Bytes packed;
  detail::put_varint(packed, 1);
  detail::put_varint(packed, 2);
  Bytes tensor;
  put_bytes(tensor, 1, packed);
  put_varint_field(tensor, 2, 1);
  put_text(tensor, 8, "w");
  put_bytes(tensor, 9, Bytes(8));
  GraphParts graph = add_graph();
  graph.initializers = {tensor};
  const OnnxSummary summary = read_onnx(model(testing::graph(graph))).value();
  EXPECT_EQ(summary.initializers[0].dims, (std::vector<std::int64_t>{1, 2}));
}

TEST(OnnxReader, refuses_an_empty_file_and_one_of_another_kind) {
  EXPECT_NE(corrupt({}).message.find("empty"), std::string::npos);
  corrupt(to_bytes("<html><body>Not found</body></html>"));
  corrupt(to_bytes("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"));
  corrupt(Bytes(64, 0));
}

TEST(OnnxReader, a_file_cut_off_anywhere_is_corrupt_and_never_read_beyond_its_end) {
  const Bytes whole = canary_model();
  const std::size_t graph_end = read_onnx(whole).value().graph.end();
  for (std::size_t length = 0; length < graph_end; ++length) {
    const Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(read_onnx(part)) << length;
  }
}

TEST(OnnxReader, a_length_beyond_the_file_says_where) {
  Bytes file;
  put_varint_field(file, 1, 8);
  detail::put_varint(file, (7 << 3) | 2);
  detail::put_varint(file, 1ULL << 40);
  const Error error = corrupt(file);
  EXPECT_NE(error.message.find("at byte 2"), std::string::npos) << error.message;
}

TEST(OnnxReader, refuses_numbers_that_never_end_and_unknown_wire_types) {
  corrupt(Bytes(20, 0xFF));
  corrupt(Bytes{0x0B, 0x0C});  // A group.
  corrupt(Bytes{0x00, 0x00});  // Field number 0.
}

TEST(OnnxReader, refuses_weights_that_do_not_fit_their_dims) {
  EXPECT_NE(corrupt(with_initializer({.dims = {3}})).message.find("12 bytes"), std::string::npos);
  corrupt(with_initializer({.dims = {2}, .raw = Bytes(9)}));
  corrupt(with_initializer({.dims = {-2}}));
  corrupt(with_initializer({.dims = {1LL << 62, 8}}));
  corrupt(with_initializer({.dims = {1LL << 45}, .raw = Bytes(8)}));
  corrupt(with_initializer({.dims = std::vector<std::int64_t>(40, 1)}));
}

TEST(OnnxReader, counts_packed_four_bit_weights_by_the_half_byte) {
  EXPECT_TRUE(read_onnx(with_initializer({.dims = {5}, .type = 22, .raw = Bytes(3)})));
  corrupt(with_initializer({.dims = {5}, .type = 22, .raw = Bytes(2)}));
}

TEST(OnnxReader, refuses_a_tensor_with_its_data_twice_or_in_segments) {
  Bytes twice = testing::tensor({});
  put_bytes(twice, 9, Bytes(8));
  GraphParts graph = add_graph();
  graph.initializers = {twice};
  corrupt(model(testing::graph(graph)));
  Bytes segmented = testing::tensor({});
  put_bytes(segmented, 3, Bytes{});
  graph.initializers = {segmented};
  corrupt(model(testing::graph(graph)));
}

TEST(OnnxReader, refuses_two_graphs_and_a_model_without_outputs) {
  Bytes file = model(testing::graph(add_graph()));
  put_bytes(file, 7, testing::graph(add_graph()));
  EXPECT_NE(corrupt(file).message.find("second graph"), std::string::npos);
  GraphParts graph = add_graph();
  graph.outputs.clear();
  EXPECT_NE(corrupt(model(testing::graph(graph))).message.find("no outputs"), std::string::npos);
}

TEST(OnnxReader, refuses_graphs_nested_without_end) {
  Bytes inner = testing::graph(add_graph());
  for (std::size_t depth = 0; depth < kMaxOnnxDepth + 2; ++depth) {
    Bytes attribute;
    put_bytes(attribute, 6, inner);
    Bytes node = testing::node("If", {"x"}, "y");
    put_bytes(node, 5, attribute);
    GraphParts graph = add_graph();
    graph.nodes = {node};
    inner = testing::graph(graph);
  }
  EXPECT_NE(corrupt(model(inner)).message.find("nested"), std::string::npos);
}

TEST(OnnxReader, checks_tensors_inside_attributes_too) {
  Bytes attribute;
  put_bytes(attribute, 5, testing::tensor({.dims = {100}}));
  Bytes node = testing::node("Constant", {}, "c");
  put_bytes(node, 5, attribute);
  GraphParts graph = add_graph();
  graph.nodes.push_back(node);
  corrupt(model(testing::graph(graph)));
}

TEST(OnnxReader, a_type_that_is_not_known_is_unsupported_not_corrupt) {
  GraphParts graph = add_graph();
  graph.inputs = {testing::value("text", std::vector<std::int64_t>{1}, 14)};
  const Result<OnnxSummary> summary = read_onnx(model(testing::graph(graph)));
  ASSERT_FALSE(summary);
  EXPECT_EQ(summary.error().code, Errc::unsupported);
  EXPECT_NE(summary.error().message.find("text"), std::string::npos);
}

TEST(OnnxReader, refuses_names_with_a_zero_byte_or_without_end) {
  GraphParts graph = add_graph();
  graph.inputs = {testing::value(std::string_view("x\0y", 3), std::vector<std::int64_t>{1})};
  corrupt(model(testing::graph(graph)));
  graph.inputs = {
      testing::value(std::string(kMaxOnnxNameBytes + 1, 'x'), std::vector<std::int64_t>{1})};
  corrupt(model(testing::graph(graph)));
}

TEST(OnnxReader, every_flipped_byte_is_read_or_refused_but_never_crashes) {
  const Bytes whole = canary_model();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int flip : {0x01, 0x80, 0xFF}) {
      Bytes changed = whole;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
      const Result<OnnxSummary> summary = read_onnx(changed);
      if (!summary) {
        EXPECT_FALSE(summary.error().message.empty());
      }
    }
  }
}

TEST(ExternalData, is_found_below_the_models_folder) {
  const Folder folder;
  folder.write("weights.bin", 16);
  const OnnxSummary summary =
      external_model({{"location", "weights.bin"}, {"offset", "8"}, {"length", "8"}});
  ASSERT_TRUE(summary.initializers[0].external);
  EXPECT_EQ(summary.initializers[0].external->offset, 8U);
  EXPECT_TRUE(check_external_data(summary, folder.path()));
}

TEST(ExternalData, outside_of_the_models_folder_is_refused_by_its_path) {
  for (const std::string location :
       {"/etc/passwd", "../weights.bin", "a/../../weights.bin", "", "a\\b"}) {
    const Error error = corrupt(with_initializer({.external = {{"location", location}}}));
    EXPECT_FALSE(error.message.empty()) << location;
  }
}

TEST(ExternalData, that_a_symbolic_link_leads_out_of_the_folder_is_refused) {
  const Folder outside;
  outside.write("secret", 64);
  const Folder folder;
  std::filesystem::create_symlink(outside.path() / "secret", folder.path() / "weights.bin");
  const Status status =
      check_external_data(external_model({{"location", "weights.bin"}}), folder.path());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Errc::corrupt);
  EXPECT_NE(status.error().message.find("leads out"), std::string::npos) << status.error().message;
}

TEST(ExternalData, that_is_missing_too_short_or_a_folder_is_corrupt) {
  const Folder folder;
  const OnnxSummary summary = external_model({{"location", "weights.bin"}, {"offset", "12"}});
  EXPECT_EQ(check_external_data(summary, folder.path()).error().code, Errc::corrupt);
  folder.write("weights.bin", 16);
  EXPECT_EQ(check_external_data(summary, folder.path()).error().code, Errc::corrupt);
  std::filesystem::remove(folder.path() / "weights.bin");
  std::filesystem::create_directory(folder.path() / "weights.bin");
  EXPECT_EQ(check_external_data(summary, folder.path()).error().code, Errc::corrupt);
}

TEST(ExternalData, offsets_near_the_end_of_64_bits_do_not_wrap) {
  const Folder folder;
  folder.write("weights.bin", 16);
  const OnnxSummary summary = external_model(
      {{"location", "weights.bin"}, {"offset", "18446744073709551612"}, {"length", "8"}});
  EXPECT_FALSE(check_external_data(summary, folder.path()));
  corrupt(with_initializer({.external = {{"location", "w"}, {"offset", "18446744073709551616"}}}));
  corrupt(with_initializer({.external = {{"location", "w"}, {"offset", "-1"}}}));
}

}  // namespace
}  // namespace accel::inference
