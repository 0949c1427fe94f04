// SPDX-License-Identifier: Apache-2.0
// OpenVINO's own side: the library, precisions, requests that results hold on to.
#include <set>

#include "accel/inference/canary.hpp"
#include "engine_fixture.hpp"
#include "openvino/session.hpp"

namespace accel::inference::openvino {
namespace {

using tensor::Tensor;

class OpenVinoTest : public testing::EngineTest {
 protected:
  void SetUp() override {
    EngineTest::SetUp();
    use("openvino");
  }
  static std::vector<Tensor> run(Session& session, std::int64_t batch) {
    const Tensor input = canary_input(batch);
    const NamedTensor named{"x", &input};
    return session.run({&named, 1}, {}, {}).value();
  }
};

TEST_F(OpenVinoTest, results_that_are_held_lie_in_memory_of_their_own) {
  const auto session = backend_->open_bytes(canary_model(-1), {}).value();
  std::vector<std::vector<Tensor>> held;
  std::set<const void*> places;
  for (std::int64_t batch = 1; batch <= 9; ++batch) {
    held.push_back(run(*session, batch));
    places.insert(held.back().at(0).bytes().data());
  }
  EXPECT_EQ(places.size(), 9U);
  for (std::int64_t batch = 1; batch <= 9; ++batch) {
    const Tensor wanted = canary_answer(batch);
    EXPECT_TRUE(std::ranges::equal(held[static_cast<std::size_t>(batch - 1)].at(0).bytes(),
                                   wanted.bytes()));
  }
}

TEST_F(OpenVinoTest, a_result_that_is_let_go_gives_its_request_to_the_next_call) {
  const auto session = backend_->open_bytes(canary_model(), {}).value();
  const void* first = run(*session, kCanaryBatch).at(0).bytes().data();
  const void* second = run(*session, kCanaryBatch).at(0).bytes().data();
  EXPECT_EQ(first, second);
}

TEST_F(OpenVinoTest, offers_only_precisions_that_the_cpu_has_and_refuses_the_others_by_name) {
  const auto offered = backend_->probe().value().precisions;
  EXPECT_EQ(offered.at(0), "f32");
  for (const std::string precision : {"f32", "bf16", "f16", "int8dyn"}) {
    SessionOptions options;
    options.precision = precision;
    const auto session = backend_->open_bytes(canary_model(), options);
    const bool is_offered = std::ranges::find(offered, precision) != offered.end();
    EXPECT_EQ(session.has_value(), is_offered) << precision;
    if (session) {
      EXPECT_EQ((*session)->info().precision, precision);
    } else {
      EXPECT_NE(session.error().message.find(precision), std::string::npos);
    }
  }
}

TEST_F(OpenVinoTest, a_skeleton_is_refused_with_the_reason) {
  SessionOptions options;
  options.load = LoadMode::skeleton;
  const auto session = backend_->open(write("model.onnx", canary_model()), options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unsupported);
}

TEST_F(OpenVinoTest, a_device_that_it_lacks_is_an_error_with_its_words) {
  SessionOptions options;
  options.device = "gpu.9";
  const auto session = backend_->open_bytes(canary_model(), options);
  ASSERT_FALSE(session);
  EXPECT_FALSE(session.error().to_string().empty());
}

TEST_F(OpenVinoTest, its_cpu_was_met_and_whatever_else_it_drives_is_untested) {
  SessionOptions options;
  EXPECT_EQ(backend_->open_bytes(canary_model(), options).value()->info().untested, "");
  options.device = "auto";
  EXPECT_NE(backend_->open_bytes(canary_model(), options).value()->info().untested, "");
  const BackendInfo info = backend_->probe().value();
  for (const EngineDevice& device : info.devices) {
    EXPECT_EQ(device.untested.empty(), device.id == "cpu") << device.id;
  }
}

TEST_F(OpenVinoTest, a_property_that_it_does_not_know_is_an_error) {
  SessionOptions options;
  options.provider_options = {{"NO_SUCH_PROPERTY", "1"}};
  EXPECT_FALSE(backend_->open_bytes(canary_model(), options));
}

TEST_F(OpenVinoTest, a_cache_that_cannot_be_written_or_was_damaged_does_not_stop_it) {
  const auto model = write("model.onnx", canary_model());
  SessionOptions options;
  options.cache_folder = folder_ / "cache";
  ASSERT_TRUE(backend_->open(model, options));
  for (const auto& entry : std::filesystem::directory_iterator(options.cache_folder)) {
    std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_all);
    std::filesystem::resize_file(entry.path(), 100);
  }
  const auto session = backend_->open(model, options);
  ASSERT_TRUE(session) << session.error().to_string();
  const Tensor wanted = canary_answer(kCanaryBatch);
  EXPECT_TRUE(std::ranges::equal(run(**session, kCanaryBatch).at(0).bytes(), wanted.bytes()));
}

TEST_F(OpenVinoTest, the_words_of_the_library_become_the_cause) {
  const auto library = Library::load(library_query({})).value();
  EXPECT_TRUE(library->check(ov_status_e::OK, "do it"));
  const Error error = library->check(ov_status_e::GENERAL_ERROR, "do it", Errc::corrupt).error();
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_EQ(error.message, "OpenVINO could not do it.");
  EXPECT_FALSE(error.cause.empty());
  EXPECT_EQ(library->check(ov_status_e::INFER_CANCELLED, "run").error().code, Errc::cancelled);
  EXPECT_TRUE(library->property("CPU", "NO_SUCH_PROPERTY").empty());
}

}  // namespace
}  // namespace accel::inference::openvino
