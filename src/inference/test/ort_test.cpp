// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's own side: runtime, providers, sessions at once.
#include <array>
#include <thread>

#include "accel/inference/canary.hpp"
#include "engine_fixture.hpp"
#include "ort/providers.hpp"

namespace accel::inference::ort {
namespace {

class OrtRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    auto runtime = Runtime::load(library_query({}));
    if (!runtime) GTEST_SKIP() << runtime.error().to_string();
    runtime_ = *runtime;
  }
  std::shared_ptr<Runtime> runtime_;
};

TEST_F(OrtRuntime, knows_its_version_path_and_function_table) {
  EXPECT_TRUE(runtime_->version().starts_with("1."));
  EXPECT_TRUE(std::filesystem::exists(runtime_->path()));
  EXPECT_GE(runtime_->api_version(), kOldestApi);
  EXPECT_NE(runtime_->env(), nullptr);
}

TEST_F(OrtRuntime, two_backends_share_one_environment) {
  const auto second = Runtime::load(library_query({})).value();
  EXPECT_EQ(second->env(), runtime_->env());
}

TEST_F(OrtRuntime, a_status_becomes_an_error_with_the_runtimes_words) {
  const auto status = [&](OrtErrorCode code, const char* words, Errc general = Errc::internal) {
    return runtime_->check(runtime_->api().CreateStatus(code, words), "do it", general).error();
  };
  EXPECT_TRUE(runtime_->check(nullptr, "do it"));
  const Error error = status(ORT_FAIL, "something happened", Errc::corrupt);
  EXPECT_EQ(error.code, Errc::corrupt);
  EXPECT_EQ(error.message, "ONNX Runtime could not do it.");
  EXPECT_EQ(error.cause, "something happened");
  EXPECT_EQ(status(ORT_INVALID_PROTOBUF, "x").code, Errc::corrupt);
  EXPECT_EQ(status(ORT_NOT_IMPLEMENTED, "x").code, Errc::unsupported);
  EXPECT_EQ(status(ORT_NO_SUCHFILE, "x").code, Errc::not_found);
  EXPECT_EQ(status(ORT_EP_FAIL, "x").code, Errc::unavailable);
  EXPECT_EQ(status(ORT_RUNTIME_EXCEPTION, "std::bad_alloc").code, Errc::resource_exhausted);
}

TEST_F(OrtRuntime, lists_the_cpu_first_and_what_is_compiled_in) {
  const ProviderList list = list_providers(*runtime_, {});
  ASSERT_FALSE(list.candidates.empty());
  EXPECT_EQ(list.candidates[0].device.id, "cpu");
  EXPECT_NE(std::ranges::find(list.compiled, "CPUExecutionProvider"), list.compiled.end());
  std::vector<std::string> ids;
  for (const Provider& provider : list.candidates) ids.push_back(provider.device.id);
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end()) << "two devices with one id";
}

TEST_F(OrtRuntime, a_plug_in_that_does_not_load_is_a_note_and_no_device) {
  OnnxRuntimeOptions options;
  options.plugins = {{"QNNExecutionProvider", "/nonexistent/libonnxruntime_providers_qnn.so"}};
  const ProviderList list = list_providers(*runtime_, options);
  ASSERT_FALSE(list.notes.empty());
  EXPECT_NE(list.notes[0].find("/nonexistent/"), std::string::npos) << list.notes[0];
}

TEST_F(OrtRuntime, a_provider_that_this_build_lacks_is_unavailable) {
  OrtSessionOptions* raw = nullptr;
  ASSERT_TRUE(runtime_->check(runtime_->api().CreateSessionOptions(&raw), "make options"));
  const Handle<OrtSessionOptions> session(raw, runtime_->api().ReleaseSessionOptions);
  Provider provider;
  EXPECT_TRUE(append_provider(*runtime_, raw, provider, {}));
  provider.how = Provider::How::named;
  provider.name = "NoSuchProvider";
  provider.device.provider = "NoSuchProvider";
  const Status named = append_provider(*runtime_, raw, provider, {});
  ASSERT_FALSE(named);
  EXPECT_NE(named.error().message.find("NoSuchProvider"), std::string::npos);
  const ProviderList list = list_providers(*runtime_, {});
  if (std::ranges::find(list.compiled, "CUDAExecutionProvider") != list.compiled.end()) return;
  provider.how = Provider::How::cuda;
  EXPECT_FALSE(append_provider(*runtime_, raw, provider, {}));
}

TEST_F(OrtRuntime, a_device_that_it_lacks_names_those_that_it_has) {
  const auto backend = make_onnxruntime_backend();
  SessionOptions options;
  options.device = "abacus";
  const auto session = backend->open_bytes(canary_model(), options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unsupported);
  EXPECT_NE(session.error().message.find("abacus"), std::string::npos);
  EXPECT_NE(session.error().message.find("cpu"), std::string::npos);
}

TEST_F(OrtRuntime, a_precision_that_the_model_does_not_have_says_what_to_do) {
  SessionOptions options;
  options.precision = "bf16";
  const auto session = make_onnxruntime_backend()->open_bytes(canary_model(), options);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Errc::unsupported);
  EXPECT_NE(session.error().message.find("variant"), std::string::npos) << session.error().message;
}

TEST_F(OrtRuntime, sessions_open_side_by_side_on_many_threads) {
  const auto backend = make_onnxruntime_backend();
  std::array<bool, 6> good{};
  {
    std::vector<std::jthread> threads;
    for (bool& slot : good) {
      threads.emplace_back([&slot, &backend] {
        const auto info = backend->probe();
        slot = info.has_value() && run_canary(*backend, info->devices.at(0)).has_value();
      });
    }
  }
  for (const bool slot : good) EXPECT_TRUE(slot);
}

}  // namespace
}  // namespace accel::inference::ort
