// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of real engines share: the backend by name, a folder of their own, files written into
// it. An engine whose library is not installed skips its tests with the reason.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "accel/core/file.hpp"
#include "accel/inference/backend.hpp"

namespace accel::inference::testing {

inline std::unique_ptr<Backend> make_backend(const std::string& name) {
  return name == "openvino" ? make_openvino_backend() : make_onnxruntime_backend();
}

class EngineTest : public ::testing::Test {
 protected:
  void use(const std::string& engine) {
    backend_ = make_backend(engine);
    const Result<BackendInfo> info = backend_->probe();
    if (!info) GTEST_SKIP() << info.error().to_string();
  }
  void SetUp() override {
    std::string name = ::testing::TempDir() + "engine_test_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const Bytes& bytes) const {
    const auto path = folder_ / name;
    EXPECT_TRUE(write_file_atomic(path, bytes));
    return path;
  }

  std::unique_ptr<Backend> backend_;
  std::filesystem::path folder_;
};

}  // namespace accel::inference::testing
