// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include <unistd.h>

#include "accel/inference/canary.hpp"
#include "engine_fixture.hpp"
#include "onnx_builder.hpp"

namespace accel::inference::detail {
namespace {

class ModelFileTest : public testing::EngineTest {};

Bytes external_model(const std::string& location) {
  testing::GraphParts graph = testing::add_graph();
  graph.initializers = {
      testing::tensor({.name = "w", .dims = {2}, .external = {{"location", location}}})};
  return testing::model(testing::graph(graph));
}

TEST_F(ModelFileTest, gives_the_canonical_path_the_map_and_the_summary) {
  const auto path = write("model.onnx", canary_model());
  std::filesystem::create_symlink(path, folder_ / "link");
  const ModelFile file = open_model_file(folder_ / "." / "link").value();
  EXPECT_EQ(file.path, std::filesystem::canonical(path));
  EXPECT_EQ(to_bytes(file.map->data()), canary_model());
  EXPECT_EQ(file.summary.inputs.at(0).name, "x");
}

TEST_F(ModelFileTest, says_which_file_is_wrong_and_how) {
  const auto path = write("broken.onnx", to_bytes("\x3A\xFF\xFF\x03"));
  const auto file = open_model_file(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Errc::corrupt);
  EXPECT_NE(file.error().message.find("broken.onnx"), std::string::npos) << file.error().message;
  EXPECT_NE(file.error().message.find("claims"), std::string::npos) << file.error().message;
}

TEST_F(ModelFileTest, a_missing_file_a_loop_of_links_and_a_folder_each_get_their_code) {
  EXPECT_EQ(open_model_file(folder_ / "none").error().code, Errc::not_found);
  std::filesystem::create_symlink(folder_ / "b", folder_ / "a");
  std::filesystem::create_symlink(folder_ / "a", folder_ / "b");
  EXPECT_FALSE(open_model_file(folder_ / "a"));
  EXPECT_EQ(open_model_file(folder_).error().code, Errc::invalid_argument);
  EXPECT_EQ(open_model_file("/dev/null").error().code, Errc::invalid_argument);
}

TEST_F(ModelFileTest, a_file_that_may_not_be_read_is_permission_denied) {
  const auto path = write("secret.onnx", canary_model());
  std::filesystem::permissions(path, std::filesystem::perms::none);
  if (::access(path.c_str(), R_OK) == 0) GTEST_SKIP() << "This user may read every file.";
  EXPECT_EQ(open_model_file(path).error().code, Errc::permission_denied);
}

TEST_F(ModelFileTest, external_data_is_checked_with_the_file) {
  const auto path = write("model.onnx", external_model("weights.bin"));
  const auto missing = open_model_file(path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::corrupt);
  EXPECT_NE(missing.error().message.find("weights.bin"), std::string::npos);
  write("weights.bin", Bytes(8));
  EXPECT_TRUE(open_model_file(path));
}

TEST_F(ModelFileTest, a_model_in_memory_has_no_folder_for_external_data) {
  EXPECT_TRUE(read_model_bytes(canary_model()));
  EXPECT_EQ(read_model_bytes(external_model("weights.bin")).error().code, Errc::corrupt);
}

TEST(SessionOptionsCheck, accepts_what_engines_take_and_names_what_is_wrong) {
  EXPECT_TRUE(check_options({}));
  SessionOptions options;
  options.threads = 0;
  EXPECT_TRUE(check_options(options));
  options.threads = 1'000'000;
  EXPECT_NE(check_options(options).error().message.find("1000000"), std::string::npos);
  options.threads = 1;
  options.optimization = -1;
  EXPECT_EQ(check_options(options).error().code, Errc::invalid_argument);
}

TEST_F(ModelFileTest, the_stamp_of_a_library_changes_with_the_file) {
  EXPECT_EQ(library_stamp({}), "none");
  EXPECT_EQ(library_stamp({folder_ / "libx.so"}), "none");
  const auto path = write("libx.so", Bytes(3));
  const std::string before = library_stamp({folder_ / "missing.so", path});
  EXPECT_NE(before.find("libx.so"), std::string::npos);
  EXPECT_EQ(library_stamp({path}), before);
  write("libx.so", Bytes(4));
  EXPECT_NE(library_stamp({path}), before);
}

}  // namespace
}  // namespace accel::inference::detail
