// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small safetensors and GGUF files made by hand, for tests and fuzz corpora.

#include <string>
#include <utility>
#include <vector>

#include "accel/core/bytes.hpp"

namespace accel::models::test {

inline void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

inline std::string safetensors(const std::string& header, std::size_t data_bytes) {
  std::string file;
  append_number(file, header.size(), 8);
  file += header;
  for (std::size_t i = 0; i < data_bytes; ++i) file += static_cast<char>(i);
  return file;
}

class GgufBuilder {
 public:
  GgufBuilder& text(const std::string& key, const std::string& value) {
    pair(key, 8);
    append_text(pairs_, value);
    return *this;
  }
  GgufBuilder& u32(const std::string& key, std::uint32_t value) {
    pair(key, 4);
    append_number(pairs_, value, 4);
    return *this;
  }
  GgufBuilder& texts(const std::string& key, const std::vector<std::string>& values) {
    pair(key, 9);
    append_number(pairs_, 8, 4);
    append_number(pairs_, values.size(), 8);
    for (const auto& value : values) append_text(pairs_, value);
    return *this;
  }
  GgufBuilder& tensor(const std::string& name, const std::vector<std::uint64_t>& dims,
                      std::uint32_t type, std::uint64_t offset) {
    append_text(infos_, name);
    append_number(infos_, dims.size(), 4);
    for (const auto dim : dims) append_number(infos_, dim, 8);
    append_number(infos_, type, 4);
    append_number(infos_, offset, 8);
    ++tensors_;
    return *this;
  }
  std::string build(std::size_t data_bytes, std::uint32_t version = 3,
                    std::size_t alignment = 32) const {
    std::string file = "GGUF";
    append_number(file, version, 4);
    append_number(file, tensors_, 8);
    append_number(file, pair_count_, 8);
    file += pairs_ + infos_;
    while (file.size() % alignment != 0) file += '\0';
    return file + std::string(data_bytes, 'd');
  }

 private:
  void pair(const std::string& key, std::uint32_t type) {
    append_text(pairs_, key);
    append_number(pairs_, type, 4);
    ++pair_count_;
  }
  static void append_text(std::string& out, const std::string& value) {
    append_number(out, value.size(), 8);
    out += value;
  }

  std::string pairs_, infos_;
  std::uint64_t pair_count_ = 0, tensors_ = 0;
};

}  // namespace accel::models::test
