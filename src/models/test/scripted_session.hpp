// SPDX-License-Identifier: Apache-2.0
#pragma once
// A session at the device seam that gives what the test says, whatever it is asked.

#include <vector>

#include "accel/inference/session.hpp"

namespace accel::models::testing {

class ScriptedSession final : public inference::Session {
 public:
  const std::vector<inference::TensorSpec>& inputs() const override { return takes; }
  const std::vector<inference::TensorSpec>& outputs() const override { return gives; }
  const inference::SessionInfo& info() const override { return info_; }

  Result<std::vector<tensor::Tensor>> run(std::span<const inference::NamedTensor> given,
                                          std::span<const std::string>,
                                          const inference::RunOptions&) override {
    ACCEL_CHECK(inference::check_inputs(takes, given));
    std::vector<tensor::Tensor> result;
    result.push_back(answer.share());
    return result;
  }

  std::vector<inference::TensorSpec> takes, gives{{"scores", tensor::DType::f32, {-1, -1}, true}};
  tensor::Tensor answer;

 private:
  inference::SessionInfo info_;
};

}  // namespace accel::models::testing
