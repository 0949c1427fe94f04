// SPDX-License-Identifier: Apache-2.0
#pragma once
// A family over a model that tools/deps installed, on ONNX Runtime. Where the
// model or the engine is not there, the test is skipped with the reason: look
// at session_ after open().

#include <memory>
#include <string>

#include "accel/inference/backend.hpp"
#include "accel/models/family.hpp"
#include "test_files.hpp"

namespace accel::models::testing {

inline Bytes input_file(const std::string& name) {
  const auto bytes = read_file(std::filesystem::path(ACCEL_TEST_DATA) / "models" / "inputs" / name,
                               kMaxMediaBytes);
  EXPECT_TRUE(bytes) << bytes.error().to_string();
  return bytes.value_or(Bytes());
}

class RealFamily : public ::testing::Test {
 protected:
  void open(const std::string& name, std::string_view task, std::string_view group = "test") {
    open_folder(models_folder() / name, task, group);
  }

  void open_folder(const std::filesystem::path& folder, std::string_view task,
                   std::string_view group) {
    const auto listing = list_directory(folder);
    if (!listing)
      GTEST_SKIP() << "run `tools/deps install " << group << "`: " << listing.error().message;
    const Fetcher fetcher = directory_fetcher(folder);
    const auto manifest = read_manifest(*listing, fetcher);
    ASSERT_TRUE(manifest) << manifest.error().to_string();
    EXPECT_EQ(manifest->task, task);
    const FamilyInfo* const info = find_family(manifest->task);
    ASSERT_NE(info, nullptr);
    auto family = info->open(*manifest, fetcher);
    ASSERT_TRUE(family) << family.error().to_string();
    family_ = *family;
    const auto files = fetch_graphs(manifest->variants.at(0), fetcher);
    ASSERT_TRUE(files) << files.error().to_string();
    const auto engine = inference::make_onnxruntime_backend();
    auto session = inference::open_graphs(*engine, *files, {});
    if (!session && session.error().code == Errc::unavailable)
      GTEST_SKIP() << session.error().to_string();
    ASSERT_TRUE(session) << session.error().to_string();
    session_ = std::move(*session);
  }

  FamilyResult run(FamilyInput input) {
    const auto workload = family_->prepare(std::move(input));
    EXPECT_TRUE(workload) << workload.error().to_string();
    auto result = workload ? (*workload)->run(*session_, {}) : Result<FamilyResult>(FamilyResult());
    EXPECT_TRUE(result) << result.error().to_string();
    return result.value_or(FamilyResult());
  }

  std::shared_ptr<const Family> family_;
  std::unique_ptr<inference::Session> session_;
};

}  // namespace accel::models::testing
