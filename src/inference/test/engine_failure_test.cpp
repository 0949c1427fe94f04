// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/engine_failure.hpp"

#include <gtest/gtest.h>

namespace accel::inference {
namespace {

TEST(EngineFailure, is_what_another_device_may_do) {
  EXPECT_TRUE(is_engine_failure({Errc::internal, "ONNX Runtime could not run the model.", "lost"}));
  EXPECT_TRUE(is_engine_failure({Errc::unavailable, "The provider does not start.", {}}));
  EXPECT_TRUE(is_engine_failure({Errc::unsupported, "There is no such operator.", {}}));
  EXPECT_TRUE(is_engine_failure({Errc::resource_exhausted, "No memory.", "Failed to allocate"}));
}

TEST(EngineFailure, is_neither_the_callers_fault_nor_a_full_line) {
  EXPECT_FALSE(is_engine_failure({Errc::resource_exhausted, "8 rows wait already.", {}}));
  for (const Errc code : {Errc::invalid_argument, Errc::cancelled, Errc::timeout, Errc::not_found})
    EXPECT_FALSE(is_engine_failure({code, "A sentence.", "words"})) << errc_name(code);
}

}  // namespace
}  // namespace accel::inference
