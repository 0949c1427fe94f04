// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder that stands for "/" in tests: captured files of /proc, /sys and /dev, gone at the end.

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "accel/core/random.hpp"

namespace accel::hardware {

class CapturedTree {
 public:
  CapturedTree()
      : root_(std::filesystem::temp_directory_path() /
              ("accel-tree-" + random_hex(system_random(), 8))) {
    std::filesystem::create_directories(root_);
  }
  CapturedTree(const CapturedTree&) = delete;
  CapturedTree& operator=(const CapturedTree&) = delete;
  ~CapturedTree() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  void write(const std::string& path, std::string_view text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }
  const std::filesystem::path& root() const { return root_; }

 private:
  std::filesystem::path root_;
};

}  // namespace accel::hardware
