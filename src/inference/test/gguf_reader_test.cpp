// SPDX-License-Identifier: Apache-2.0
// What a language model's header must hold; the reader itself is tested with models' tensor index.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "accel/inference/gguf_reader.hpp"

namespace accel::inference {
namespace {

using ::testing::HasSubstr;

GgufHeader header() {
  GgufHeader header;
  header.texts = {{"general.architecture", "llama"}, {"tokenizer.ggml.model", "gpt2"}};
  header.numbers = {{"llama.block_count", 30}, {"llama.attention.head_count", 9}};
  header.tensors.emplace_back().name = "token_embd.weight";
  return header;
}

TEST(GgufModel, with_what_the_engine_needs_is_taken) { EXPECT_TRUE(check_gguf_model(header())); }

TEST(GgufModel, without_it_is_refused_by_the_name_of_what_is_missing) {
  const auto refused = [](auto change) {
    GgufHeader changed = header();
    change(changed);
    const Status status = check_gguf_model(changed);
    return status ? std::string("taken") : status.error().message;
  };
  EXPECT_THAT(refused([](GgufHeader& h) { h.texts.erase("general.architecture"); }),
              HasSubstr("architecture"));
  EXPECT_THAT(refused([](GgufHeader& h) { h.texts.erase("tokenizer.ggml.model"); }),
              HasSubstr("vocabulary"));
  EXPECT_THAT(refused([](GgufHeader& h) { h.tensors.clear(); }), HasSubstr("no tensor"));
  EXPECT_THAT(refused([](GgufHeader& h) { h.numbers["llama.attention.head_count"] = 0; }),
              HasSubstr("llama.attention.head_count is 0"));
  EXPECT_THAT(refused([](GgufHeader& h) { h.numbers["llama.block_count"] = 1ULL << 40U; }),
              HasSubstr("llama.block_count"));
  EXPECT_THAT(refused([](GgufHeader& h) { h.numbers["split.count"] = 3; }),
              HasSubstr("split over 3 files"));
}

}  // namespace
}  // namespace accel::inference
