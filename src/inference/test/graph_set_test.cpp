// SPDX-License-Identifier: Apache-2.0
// Models of several graphs over an engine at the device seam, whose sessions tell what they opened.
#include "accel/inference/graph_set.hpp"

#include <gtest/gtest.h>

namespace accel::inference {
namespace {

class NamedSession final : public Session {
 public:
  explicit NamedSession(std::string name) : inputs_{{std::move(name), tensor::DType::f32, {}}} {}
  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return inputs_; }
  const SessionInfo& info() const override { return info_; }
  Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor>,
                                          std::span<const std::string>,
                                          const RunOptions&) override {
    return fail(Errc::unsupported, "{} was run.", inputs_[0].name);
  }

 private:
  std::vector<TensorSpec> inputs_;
  SessionInfo info_;
};

class Engine final : public Backend {
 public:
  std::string_view name() const override { return "engine"; }
  Status load() override { return {}; }
  Result<BackendInfo> probe() override { return BackendInfo(); }
  std::string stamp() const override { return {}; }
  Result<std::unique_ptr<Session>> open(const std::filesystem::path& file,
                                        const SessionOptions&) override {
    ++opened;
    if (file == "broken.onnx") return fail(Errc::corrupt, "{} is no graph.", file.string());
    return std::make_unique<NamedSession>(file.string());
  }
  Result<std::unique_ptr<Session>> open_bytes(ByteView, const SessionOptions&) override {
    return fail(Errc::unsupported, "Not asked for.");
  }
  int opened = 0;
};

TEST(GraphSet, is_its_entry_and_hands_out_the_others_by_name) {
  Engine engine;
  const GraphFiles files{"det.onnx", {{"detector", "det.onnx"}, {"recognizer", "rec.onnx"}}};
  const auto session = open_graphs(engine, files, {});
  ASSERT_TRUE(session) << session.error().to_string();
  EXPECT_EQ(engine.opened, 2);
  EXPECT_EQ((*session)->inputs().at(0).name, "det.onnx");
  EXPECT_EQ((*session)->run({}, {}, {}).error().message, "det.onnx was run.");
  EXPECT_EQ(find_graph(**session, "recognizer").value()->inputs().at(0).name, "rec.onnx");
  const auto missing = find_graph(**session, "classifier");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::unsupported);
  EXPECT_NE(missing.error().message.find("\"classifier\""), std::string::npos);
}

TEST(GraphSet, of_one_graph_without_a_name_is_that_session) {
  Engine engine;
  const auto session = open_graphs(engine, {"model.onnx"}, {});
  ASSERT_TRUE(session);
  EXPECT_EQ(engine.opened, 1);
  EXPECT_EQ((*session)->graph("model"), nullptr);
}

TEST(GraphSet, names_the_graph_that_does_not_open_and_wants_its_entry) {
  Engine engine;
  const auto broken =
      open_graphs(engine, {"det.onnx", {{"a", "det.onnx"}, {"b", "broken.onnx"}}}, {});
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::corrupt);
  EXPECT_EQ(broken.error().message, "b: broken.onnx is no graph.");
  EXPECT_EQ(open_graphs(engine, {"x.onnx", {{"a", "det.onnx"}}}, {}).error().code,
            Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::inference
