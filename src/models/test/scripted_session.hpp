// SPDX-License-Identifier: Apache-2.0
#pragma once
// A session at the device seam that gives what the test says, whatever it is
// asked.

#include <functional>
#include <map>
#include <string>
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
    ++runs;
    std::vector<tensor::Tensor> result;
    if (make_all) return make_all(*given[0].value);
    if (make) {
      ACCEL_TRY(result.emplace_back(), make(*given[0].value));
    } else {
      result.push_back(answer.share());
    }
    return result;
  }
  Session* graph(std::string_view name) override {
    const auto found = graphs.find(name);
    return found == graphs.end() ? nullptr : found->second;
  }

  std::vector<inference::TensorSpec> takes, gives{{"scores", tensor::DType::f32, {-1, -1}, true}};
  tensor::Tensor answer;
  // Instead of `answer`, where it depends on what is given.
  std::function<Result<tensor::Tensor>(const tensor::Tensor&)> make;
  std::function<Result<std::vector<tensor::Tensor>>(const tensor::Tensor&)> make_all;
  std::map<std::string, inference::Session*, std::less<>> graphs;
  int runs = 0;

 private:
  inference::SessionInfo info_;
};

}  // namespace accel::models::testing
