// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder of its own for each test, removed with it.

#include <gtest/gtest.h>

#include <filesystem>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"

namespace accel {

class TempDir : public testing::Test {
 protected:
  void SetUp() override {
    dir = std::filesystem::temp_directory_path() / ("accel-test-" + random_hex(system_random(), 8));
    std::filesystem::create_directories(dir);
  }
  void TearDown() override { std::filesystem::remove_all(dir); }

  std::filesystem::path put(const std::string& name, std::string_view content) const {
    const std::filesystem::path path = dir / name;
    EXPECT_TRUE(write_file_atomic(path, as_bytes(content)));
    return path;
  }
  static std::string content(const std::filesystem::path& path) {
    return read_text_file(path, 1U << 20U).value();
  }

  std::filesystem::path dir;
};

}  // namespace accel
