// SPDX-License-Identifier: Apache-2.0
// The loader of plug-in providers, with libraries that stand for drivers of devices that are not
// here (fake_plugin/): what it lists, what it opens, and what it says of those that fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "accel/inference/batching.hpp"
#include "accel/inference/canary.hpp"
#include "accel/inference/engine_failure.hpp"
#include "ort/providers.hpp"

namespace accel::inference::ort {
namespace {

using hardware::Platform;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kAnyBatch = -1;

class Plugin : public ::testing::Test {
 protected:
  void SetUp() override {
    auto runtime = Runtime::load(library_query({}));
    if (!runtime) GTEST_SKIP() << runtime.error().to_string();
    runtime_ = *runtime;
    if (runtime_->api_version() < ORT_API_VERSION) GTEST_SKIP() << "an older ONNX Runtime";
  }
  // What a process registers stays in the runtime's one environment.
  void TearDown() override {
    backend_.reset();
    if (registered_.empty()) return;
    const Status gone = runtime_->check(
        runtime_->api().UnregisterExecutionProviderLibrary(runtime_->env(), registered_.c_str()),
        "let go of " + registered_);
    EXPECT_TRUE(gone) << gone.error().to_string();
  }

  // A backend that is told of a fake plug-in. The runtime allows devices that no bus of this
  // machine has under names that end in ".virtual".
  Backend& with(const std::string& library, bool is_plugin = true) {
    const std::string name = library + ".virtual";
    const auto path = std::filesystem::path(ACCEL_FAKE_PLUGINS) / ("lib" + library + ".so");
    backend_ = make_onnxruntime_backend({{}, {{name, path}}});
    if (is_plugin) registered_ = name;
    return *backend_;
  }

  static std::vector<std::string> ids(const BackendInfo& info) {
    std::vector<std::string> ids;
    for (const EngineDevice& device : info.devices) ids.push_back(device.id);
    return ids;
  }
  static EngineDevice device(const BackendInfo& info, std::string_view id) {
    const auto found = std::ranges::find(info.devices, id, &EngineDevice::id);
    EXPECT_NE(found, info.devices.end()) << notes(info);
    return found == info.devices.end() ? EngineDevice{} : *found;
  }
  static std::string notes(const BackendInfo& info) {
    std::string all;
    for (const std::string& note : info.notes) all += note + "\n";
    return all;
  }
  static SessionOptions on(const std::string& device) {
    SessionOptions options;
    options.device = device;
    return options;
  }
  // One row, whose first value is `first`.
  static Result<std::vector<tensor::Tensor>> run_with(Session& session, float first,
                                                      std::vector<BatchNote>* notes = nullptr) {
    tensor::Tensor x = canary_input(1);
    x.mutable_data<float>()[0] = first;
    const NamedTensor input{"x", &x};
    return session.run({&input, 1}, {}, {.notes = notes});
  }
  std::shared_ptr<Runtime> runtime_;
  std::unique_ptr<Backend> backend_;
  std::string registered_;
};

TEST_F(Plugin, a_device_that_runs_the_canary_is_listed_with_its_provider_and_vendor) {
  const EngineDevice listed = device(with("computes").probe().value(), "cuda:0");
  EXPECT_EQ(listed.platform, Platform::cuda);
  EXPECT_EQ(listed.provider, "CUDAExecutionProvider");
  EXPECT_EQ(listed.name, "CUDAExecutionProvider (Fake Devices)");
  EXPECT_FALSE(listed.emulated);
  EXPECT_EQ(listed.untested, hardware::untested_reason(Platform::cuda));
}

TEST_F(Plugin, a_session_on_its_device_computes_there_without_the_cpu) {
  Backend& backend = with("computes");
  const EngineDevice listed = device(backend.probe().value(), "cuda:0");
  const Result<CanaryResult> result = run_canary(backend, listed);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->max_error, 0);
  const auto session = backend.open_bytes(canary_model(), on("cuda:0")).value();
  EXPECT_EQ(session->info().device, "cuda:0");
  EXPECT_THAT(session->info().untested, HasSubstr("NVIDIA"));
  EXPECT_EQ(backend.open_bytes(canary_model(), {}).value()->info().untested, "");
}

TEST_F(Plugin, a_run_that_breaks_its_device_is_the_engines_failure_and_bad_input_is_not) {
  Backend& backend = with("breaks");
  const auto session = backend.open_bytes(canary_model(kAnyBatch), on("cuda:0")).value();
  const auto broken = run_with(*session, 77);
  ASSERT_FALSE(broken);
  EXPECT_TRUE(is_engine_failure(broken.error())) << broken.error().to_string();
  EXPECT_THAT(broken.error().cause, HasSubstr("The fake device was lost."));
  const auto refused = run_with(*session, 88);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::invalid_argument);
  EXPECT_THAT(refused.error().message, HasSubstr("The fake device takes no 88."));
  EXPECT_TRUE(run_with(*session, 1));
}

// The device takes its time for the first request, so that the others wait for one batch.
TEST_F(Plugin, of_a_batch_only_the_request_that_breaks_the_device_fails) {
  Backend& backend = with("breaks");
  Metrics metrics;
  BatchingOptions options;
  options.metrics = &metrics;
  options.rows.prove = false;
  const auto session = make_batching_session(
      backend.open_bytes(canary_model(kAnyBatch), on("cuda:0")).value(), std::move(options));
  const auto runs = [&] {
    return metrics.prometheus_text().find("wait_seconds_count{model=\"\"} 1");
  };
  constexpr std::array kFirst{1.0F, 77.0F, 2.0F, 3.0F};
  std::array<bool, kFirst.size()> succeeded{};
  std::array<std::vector<BatchNote>, kFirst.size()> notes;
  {
    const std::jthread slow([&] { EXPECT_TRUE(run_with(*session, 66)); });
    while (runs() == std::string::npos) std::this_thread::yield();
    std::vector<std::jthread> clients;
    for (std::size_t i = 0; i < kFirst.size(); ++i) {
      clients.emplace_back(
          [&, i] { succeeded[i] = run_with(*session, kFirst[i], &notes[i]).has_value(); });
    }
  }
  EXPECT_THAT(succeeded, ElementsAre(true, false, true, true));
  for (const std::size_t i : {0, 2, 3}) EXPECT_EQ(notes[i].at(0).requests, 4U) << i;
}

TEST_F(Plugin, a_device_that_computes_wrongly_is_found_by_the_canary) {
  Backend& backend = with("is_wrong");
  ASSERT_EQ(device(backend.probe().value(), "rocm:0").platform, Platform::rocm);
  std::vector<hardware::PlatformReport> reports(1);
  reports[0].platform = Platform::rocm;
  Backend* backends[] = {&backend};
  ASSERT_TRUE(fill_canaries(reports, backends));
  EXPECT_FALSE(reports[0].available());
  EXPECT_THAT(reports[0].canary.reason, HasSubstr("computes wrongly"));
}

TEST_F(Plugin, a_device_that_leaves_all_to_the_cpu_is_not_listed_and_runs_there_when_it_is_named) {
  Backend& backend = with("claims_nothing");
  const BackendInfo info = backend.probe().value();
  EXPECT_THAT(ids(info), ElementsAre("cpu"));
  EXPECT_THAT(notes(info), HasSubstr("qualcomm: "));
  const auto session = backend.open_bytes(canary_model(), on("qualcomm"));
  ASSERT_TRUE(session) << session.error().to_string();
  EXPECT_THAT((*session)->info().untested, HasSubstr("Qualcomm"));
  const tensor::Tensor x = canary_input(kCanaryBatch);
  const NamedTensor input{"x", &x};
  const auto outputs = (*session)->run({&input, 1}, {}, {});
  ASSERT_TRUE(outputs) << outputs.error().to_string();
  const auto got = outputs->at(0).data<float>();
  const tensor::Tensor answer = canary_answer(kCanaryBatch);
  EXPECT_TRUE(std::ranges::equal(got, answer.data<float>()));
}

TEST_F(Plugin, options_of_a_session_reach_it_and_its_refusal_is_told_in_its_own_words) {
  Backend& backend = with("computes");
  SessionOptions options = on("cuda:0");
  options.provider_options = {{"refuse", "The fake device is busy."}};
  const auto session = backend.open_bytes(canary_model(), options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unavailable) << "not the model's fault";
  EXPECT_THAT(session.error().cause, HasSubstr("The fake device is busy."));
}

TEST_F(Plugin, one_without_a_device_offers_none) {
  Backend& backend = with("has_no_device");
  EXPECT_THAT(ids(backend.probe().value()), ElementsAre("cpu"));
  const auto session = backend.open_bytes(canary_model(), on("mps"));
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unsupported);
}

TEST_F(Plugin, one_whose_factory_fails_is_a_note_with_its_words) {
  const BackendInfo info = with("has_no_factory", false).probe().value();
  EXPECT_THAT(ids(info), ElementsAre("cpu"));
  EXPECT_THAT(notes(info), HasSubstr("libhas_no_factory.so"));
  EXPECT_THAT(notes(info), HasSubstr("The fake driver is too old."));
}

TEST_F(Plugin, a_library_without_the_entry_points_is_a_note_that_names_it) {
  const BackendInfo info = with("is_no_plugin", false).probe().value();
  EXPECT_THAT(ids(info), ElementsAre("cpu"));
  EXPECT_THAT(notes(info), HasSubstr("libis_no_plugin.so"));
  EXPECT_THAT(notes(info), HasSubstr("CreateEpFactories"));
}

TEST_F(Plugin, a_second_backend_lists_the_same_device) {
  ASSERT_THAT(ids(with("computes").probe().value()), ElementsAre("cpu", "cuda:0"));
  const auto second = make_onnxruntime_backend();
  EXPECT_THAT(ids(second->probe().value()), ElementsAre("cpu", "cuda:0"));
}

}  // namespace
}  // namespace accel::inference::ort
