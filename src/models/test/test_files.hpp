// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of models share: files of test/data/models, the folder of installed models, a folder
// of their own.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "accel/core/file.hpp"

namespace accel::models::testing {

inline nlohmann::json test_data(const std::string& name) {
  const auto text =
      read_text_file(std::filesystem::path(ACCEL_TEST_DATA) / "models" / name, 8 << 20);
  EXPECT_TRUE(text) << text.error().to_string();
  return text ? nlohmann::json::parse(*text) : nlohmann::json();
}

// ACCEL_TEST_MODELS, or where tools/deps installs models.
inline std::filesystem::path models_folder() {
  if (const char* named = std::getenv("ACCEL_TEST_MODELS")) return named;
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::filesystem::path base =
      cache != nullptr && *cache != '\0'
          ? std::filesystem::path(cache)
          : std::filesystem::path(home == nullptr ? "/" : home) / ".cache";
  return base / "ipfs-accelerate" / "deps" / "models";
}

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "models_test_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, ByteView bytes) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    EXPECT_TRUE(write_file_atomic(path, bytes));
    return path;
  }
  std::filesystem::path write(const std::string& name, std::string_view text) const {
    return write(name, as_bytes(text));
  }
  void remove(const std::string& name) const { std::filesystem::remove(folder_ / name); }

  std::filesystem::path folder_;
};

}  // namespace accel::models::testing
