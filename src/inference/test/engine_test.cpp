// SPDX-License-Identifier: Apache-2.0
// What every engine must do, run against each of them.
#include <array>
#include <thread>

#include "accel/inference/canary.hpp"
#include "engine_fixture.hpp"
#include "onnx_builder.hpp"

namespace accel::inference {
namespace {

using tensor::DType;
using tensor::Tensor;
using testing::GraphParts;

class Engine : public testing::EngineTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use(GetParam());
  }

  std::unique_ptr<Session> open_canary() {
    return backend_->open_bytes(canary_model(-1), {}).value();
  }
  Error refused(const Bytes& file, Errc code) {
    const auto session = backend_->open(write("model.onnx", file), {});
    EXPECT_FALSE(session);
    if (session) return {};
    EXPECT_EQ(session.error().code, code) << session.error().to_string();
    EXPECT_TRUE(session.error().message.ends_with(".")) << session.error().message;
    return session.error();
  }
};

class OnnxRuntime : public testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use("onnxruntime");
  }
};

void expect_canary_answer(const Tensor& got, std::int64_t batch) {
  const Tensor wanted = canary_answer(batch);
  ASSERT_EQ(got.shape(), wanted.shape());
  for (std::size_t index = 0; index < wanted.elements(); ++index) {
    EXPECT_EQ(got.data<float>()[index], wanted.data<float>()[index]) << index;
  }
}

// y = x · w, float32[n, 256], with a weight large enough to be left in the file.
Bytes matmul_model() {
  std::vector<float> weights;
  for (int index = 0; index < 256 * 256; ++index) {
    weights.push_back(static_cast<float>(index % 251 - 125) / 256.0F);
  }
  const std::vector<std::int64_t> dims{-1, 256};
  GraphParts graph;
  graph.nodes = {testing::node("MatMul", {"x", "w"}, "y")};
  graph.initializers = {
      testing::tensor({.name = "w", .dims = {256, 256}, .raw = testing::floats(weights)})};
  graph.inputs = {testing::value("x", dims)};
  graph.outputs = {testing::value("y", dims)};
  return testing::model(testing::graph(graph));
}

Tensor ramp(std::int64_t rows) {
  Tensor tensor = Tensor::zeros(DType::f32, {rows, 256}).value();
  const auto values = tensor.mutable_data<float>();
  for (std::size_t index = 0; index < values.size(); ++index) {
    values[index] = static_cast<float>(index % 37) / 37.0F;
  }
  return tensor;
}

std::vector<float> run_matmul(Session& session, std::int64_t rows) {
  const Tensor input = ramp(rows);
  const NamedTensor named{"x", &input};
  const auto outputs = session.run({&named, 1}, {}, {}).value();
  const auto values = outputs.at(0).data<float>();
  return {values.begin(), values.end()};
}

TEST_P(Engine, says_what_it_is_and_what_it_offers) {
  const BackendInfo info = backend_->probe().value();
  EXPECT_EQ(info.engine, GetParam());
  EXPECT_FALSE(info.version.empty());
  EXPECT_TRUE(info.library_path.is_absolute()) << info.library_path;
  ASSERT_FALSE(info.devices.empty());
  EXPECT_EQ(info.devices[0].id, "cpu");
  EXPECT_FALSE(info.devices[0].name.empty());
  EXPECT_EQ(info.precisions.front(), "f32");
}

TEST_P(Engine, its_stamp_names_the_library_without_loading_it) {
  const std::string stamp = testing::make_backend(GetParam())->stamp();
  EXPECT_NE(stamp.find(".so"), std::string::npos) << stamp;
  EXPECT_EQ(stamp, backend_->stamp());
}

TEST_P(Engine, loads_ahead_of_its_first_use_and_only_once) {
  const auto fresh = testing::make_backend(GetParam());
  EXPECT_TRUE(fresh->load());
  EXPECT_TRUE(fresh->load());
  EXPECT_TRUE(fresh->open_bytes(canary_model(), {}));
}

TEST_P(Engine, answers_the_canary_exactly) {
  const EngineDevice cpu = backend_->probe().value().devices.at(0);
  const CanaryResult result = run_canary(*backend_, cpu).value();
  EXPECT_EQ(result.engine, GetParam());
  EXPECT_EQ(result.max_error, 0.0);
  EXPECT_GT(result.open_ms, 0.0);
}

TEST_P(Engine, one_session_serves_every_batch_size) {
  const auto session = open_canary();
  for (const std::int64_t batch : {1, 7, 1, 64}) {
    const Tensor input = canary_input(batch);
    const NamedTensor named{"x", &input};
    const auto outputs = session->run({&named, 1}, {}, {}).value();
    ASSERT_EQ(outputs.size(), 1U);
    expect_canary_answer(outputs[0], batch);
  }
}

TEST_P(Engine, a_session_describes_itself) {
  const auto session = open_canary();
  ASSERT_EQ(session->inputs().size(), 1U);
  EXPECT_EQ(to_string(session->inputs()[0]), "x: f32 [?, 16]");
  EXPECT_EQ(to_string(session->outputs()[0]), "y: f32 [?, 8]");
  EXPECT_EQ(session->info().engine, GetParam());
  EXPECT_EQ(session->info().device, "cpu");
  EXPECT_EQ(session->info().threads, 1);
}

TEST_P(Engine, a_result_outlives_its_session_and_its_backend) {
  std::vector<Tensor> outputs;
  {
    const auto session = open_canary();
    backend_.reset();
    const Tensor input = canary_input(5);
    const NamedTensor named{"x", &input};
    outputs = session->run({&named, 1}, {}, {}).value();
  }
  expect_canary_answer(outputs.at(0), 5);
}

TEST_P(Engine, results_of_earlier_runs_keep_their_values) {
  const auto session = open_canary();
  const Tensor input = canary_input(2);
  const Tensor zeros = Tensor::zeros(DType::f32, {2, 16}).value();
  const NamedTensor first{"x", &input};
  const NamedTensor second{"x", &zeros};
  const auto kept = session->run({&first, 1}, {}, {}).value();
  for (int round = 0; round < 10; ++round) ASSERT_TRUE(session->run({&second, 1}, {}, {}));
  expect_canary_answer(kept.at(0), 2);
}

TEST_P(Engine, many_threads_run_one_session_at_once) {
  const auto session = open_canary();
  std::array<int, 4> good{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t id = 0; id < good.size(); ++id) {
      threads.emplace_back([&, id] {
        const auto batch = static_cast<std::int64_t>(id + 1);
        const Tensor input = canary_input(batch);
        const Tensor wanted = canary_answer(batch);
        const NamedTensor named{"x", &input};
        for (int round = 0; round < 20; ++round) {
          const auto outputs = session->run({&named, 1}, {}, {});
          good[id] += outputs && std::ranges::equal(outputs->at(0).bytes(), wanted.bytes()) ? 1 : 0;
        }
      });
    }
  }
  EXPECT_EQ(good, (std::array<int, 4>{20, 20, 20, 20}));
}

TEST_P(Engine, wrong_inputs_are_refused_before_the_engine_sees_them) {
  const auto session = open_canary();
  const Tensor wide = Tensor::zeros(DType::f32, {1, 17}).value();
  const Tensor ints = Tensor::zeros(DType::i32, {1, 16}).value();
  const Tensor good = canary_input(1);
  const std::vector<std::vector<NamedTensor>> wrong{
      {}, {{"x", &wide}}, {{"x", &ints}}, {{"z", &good}}, {{"x", &good}, {"y", &good}}};
  for (const auto& inputs : wrong) {
    const auto outputs = session->run(inputs, {}, {});
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code, Errc::invalid_argument) << outputs.error().to_string();
  }
  const NamedTensor named{"x", &good};
  const std::vector<std::string> unknown{"logits"};
  EXPECT_EQ(session->run({&named, 1}, unknown, {}).error().code, Errc::invalid_argument);
}

TEST_F(OnnxRuntime, a_skeleton_computes_the_same_bits_as_the_file_by_path) {
  const auto path = write("model.onnx", matmul_model());
  SessionOptions options;
  options.load = LoadMode::by_path;
  const auto by_path = backend_->open(path, options).value();
  options.load = LoadMode::skeleton;
  const auto skeleton = backend_->open(path, options).value();
  EXPECT_EQ(by_path->info().load, "path");
  EXPECT_EQ(skeleton->info().load, "skeleton");
  for (const std::int64_t rows : {1, 3, 64}) {
    EXPECT_EQ(run_matmul(*by_path, rows), run_matmul(*skeleton, rows)) << rows;
  }
}

TEST_F(OnnxRuntime, a_file_reached_through_a_symbolic_link_opens_as_a_skeleton) {
  const auto path = write("model.onnx", matmul_model());
  std::filesystem::create_directory(folder_ / "elsewhere");
  std::filesystem::create_symlink(path, folder_ / "elsewhere" / "link.onnx");
  const auto session = backend_->open(folder_ / "elsewhere" / "link.onnx", {}).value();
  EXPECT_EQ(session->info().load, "skeleton");
  EXPECT_EQ(run_matmul(*session, 1).size(), 256U);
}

TEST_F(OnnxRuntime, a_skeleton_of_a_file_without_large_weights_is_refused) {
  SessionOptions options;
  options.load = LoadMode::skeleton;
  const auto session = backend_->open(write("model.onnx", canary_model()), options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unsupported);
}

TEST_P(Engine, opens_a_model_whose_weights_lie_in_a_file_beside_it) {
  const std::vector<float> weights{1.0F, 2.0F};
  write("weights.bin", testing::floats(weights));
  GraphParts graph = testing::add_graph();
  graph.initializers = {testing::tensor(
      {.name = "w",
       .dims = {2},
       .external = {{"location", "weights.bin"}, {"offset", "0"}, {"length", "8"}}})};
  const auto session =
      backend_->open(write("model.onnx", testing::model(testing::graph(graph))), {});
  ASSERT_TRUE(session) << session.error().to_string();
  const Tensor input = Tensor::of<float>({1, 2}, {10, 20}).value();
  const NamedTensor named{"x", &input};
  const auto outputs = (*session)->run({&named, 1}, {}, {}).value();
  EXPECT_EQ(outputs[0].data<float>()[1], 22.0F);
}

TEST_P(Engine, a_model_that_reads_a_file_outside_of_its_folder_is_refused) {
  GraphParts graph = testing::add_graph();
  graph.initializers = {
      testing::tensor({.name = "w", .dims = {2}, .external = {{"location", "/etc/hostname"}}})};
  const Error error = refused(testing::model(testing::graph(graph)), Errc::corrupt);
  EXPECT_NE(error.message.find("/etc/hostname"), std::string::npos) << error.message;
}

TEST_P(Engine, a_corrupt_file_becomes_a_sentence_that_names_it) {
  Bytes cut = canary_model();
  cut.resize(cut.size() / 2);
  EXPECT_NE(refused(cut, Errc::corrupt).message.find("model.onnx"), std::string::npos);
  refused({}, Errc::corrupt);
  refused(to_bytes("this is no model"), Errc::corrupt);
}

TEST_P(Engine, a_graph_that_uses_a_value_nobody_makes_is_corrupt) {
  GraphParts graph = testing::add_graph();
  graph.nodes = {testing::node("Add", {"nobody", "w"}, "y")};
  refused(testing::model(testing::graph(graph)), Errc::corrupt);
}

TEST_P(Engine, an_operator_that_does_not_exist_is_unsupported) {
  GraphParts graph = testing::add_graph();
  graph.nodes = {testing::node("Transmogrify", {"x", "w"}, "y")};
  const Error error = refused(testing::model(testing::graph(graph)), Errc::unsupported);
  EXPECT_NE(error.cause.find("Transmogrify"), std::string::npos) << error.cause;
}

TEST_P(Engine, a_missing_file_and_a_folder_are_told_apart) {
  EXPECT_EQ(backend_->open(folder_ / "none.onnx", {}).error().code, Errc::not_found);
  EXPECT_EQ(backend_->open(folder_, {}).error().code, Errc::invalid_argument);
}

TEST_P(Engine, damaged_models_never_crash_it) {
  const Bytes whole = canary_model();
  // OpenVINO takes a tenth of a second to open anything.
  const std::size_t step = std::string_view(GetParam()) == "openvino" ? 61 : 5;
  for (std::size_t at = 0; at < whole.size(); at += step) {
    Bytes changed = whole;
    changed[at] ^= 0x15;
    const auto session = backend_->open(write("model.onnx", changed), {});
    if (!session) {
      EXPECT_FALSE(session.error().message.empty());
    }
  }
}

TEST_P(Engine, options_that_it_cannot_follow_are_refused_by_name) {
  SessionOptions options;
  options.precision = "int3";
  EXPECT_EQ(backend_->open_bytes(canary_model(), options).error().code, Errc::unsupported);
  options = {};
  options.device = "cuda:7";
  const Error error = backend_->open_bytes(canary_model(), options).error();
  EXPECT_NE(error.code, Errc::internal) << error.to_string();
  options = {};
  options.threads = -1;
  EXPECT_EQ(backend_->open_bytes(canary_model(), options).error().code, Errc::invalid_argument);
  options.threads = 1;
  options.optimization = 9;
  EXPECT_EQ(backend_->open_bytes(canary_model(), options).error().code, Errc::invalid_argument);
}

TEST_P(Engine, a_stop_before_the_run_is_cancelled_and_runs_nothing) {
  const auto session = open_canary();
  std::stop_source stop;
  stop.request_stop();
  const Tensor input = canary_input(1);
  const NamedTensor named{"x", &input};
  EXPECT_EQ(session->run({&named, 1}, {}, {stop.get_token()}).error().code, Errc::cancelled);
  EXPECT_TRUE(session->run({&named, 1}, {}, {}));
}

// 96 products of 1024 x 1024 matrices take seconds; a stop in the middle ends them.
Bytes slow_model() {
  constexpr int kProducts = 96;
  const std::vector<std::int64_t> dims{-1, -1};
  GraphParts graph;
  for (int index = 0; index < kProducts; ++index) {
    graph.nodes.push_back(
        testing::node("MatMul", {index == 0 ? "x" : fmt::format("v{}", index), "x"},
                      index + 1 == kProducts ? "y" : fmt::format("v{}", index + 1)));
  }
  graph.inputs = {testing::value("x", dims)};
  graph.outputs = {testing::value("y", dims)};
  return testing::model(testing::graph(graph));
}

TEST_P(Engine, a_stop_in_the_middle_ends_the_run_and_leaves_the_session_usable) {
  const auto session = backend_->open_bytes(slow_model(), {}).value();
  const Tensor large = Tensor::zeros(DType::f32, {1024, 1024}).value();
  const NamedTensor named{"x", &large};
  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    stop.request_stop();
  });
  const auto outputs = session->run({&named, 1}, {}, {stop.get_token()});
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, Errc::cancelled) << outputs.error().to_string();
  const Tensor small = Tensor::zeros(DType::f32, {2, 2}).value();
  const NamedTensor again{"x", &small};
  EXPECT_TRUE(session->run({&again, 1}, {}, {}));
}

TEST_P(Engine, shapes_that_do_not_fit_each_other_are_an_error_or_give_nothing) {
  GraphParts graph;
  const std::vector<std::int64_t> dims{-1, -1};
  graph.nodes = {testing::node("MatMul", {"x", "z"}, "y")};
  graph.inputs = {testing::value("x", dims), testing::value("z", dims)};
  graph.outputs = {testing::value("y", dims)};
  const auto session = backend_->open_bytes(testing::model(testing::graph(graph)), {}).value();
  const Tensor x = Tensor::zeros(DType::f32, {2, 3}).value();
  const Tensor z = Tensor::zeros(DType::f32, {4, 5}).value();
  const auto outputs = session->run(std::vector<NamedTensor>{{"x", &x}, {"z", &z}}, {}, {});
  // OpenVINO answers with an empty tensor, ONNX Runtime with the operator that failed.
  if (outputs) {
    EXPECT_EQ(outputs->at(0).elements(), 0U);
  } else {
    EXPECT_FALSE(outputs.error().cause.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(All, Engine, ::testing::Values("onnxruntime", "openvino"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST(MissingEngine, names_the_package_to_install) {
  const auto ort = make_onnxruntime_backend({.library = "/nonexistent/libonnxruntime.so.1"});
  const auto openvino = make_openvino_backend({.library = "/nonexistent/libopenvino_c.so"});
  for (Backend* backend : {ort.get(), openvino.get()}) {
    const auto info = backend->probe();
    ASSERT_FALSE(info);
    EXPECT_EQ(info.error().code, Errc::unavailable);
    EXPECT_NE(info.error().message.find("tools/deps install"), std::string::npos)
        << info.error().message;
    EXPECT_EQ(backend->open_bytes(canary_model(), {}).error().code, Errc::unavailable);
  }
}

TEST(MissingEngine, another_library_under_its_name_is_refused) {
  for (const std::string library : {"libm.so.6"}) {
    EXPECT_EQ(make_onnxruntime_backend({.library = library})->probe().error().code,
              Errc::unavailable);
    EXPECT_EQ(make_openvino_backend({.library = library})->probe().error().code, Errc::unavailable);
  }
}

}  // namespace
}  // namespace accel::inference
