// SPDX-License-Identifier: Apache-2.0
#pragma once
// A session at the device seam: "hidden" vectors that are a known function of the token ids, so
// that a test can say what an embedding must be. hidden[b, s] = (id, type, 1).

#include <functional>
#include <string>
#include <vector>

#include "accel/inference/session.hpp"

namespace accel::models::testing {

using inference::TensorSpec;
using tensor::DType;
using tensor::Tensor;

class FakeSession final : public inference::Session {
 public:
  static constexpr std::int64_t kHidden = 3;

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  const inference::SessionInfo& info() const override { return info_; }

  Result<std::vector<Tensor>> run(std::span<const inference::NamedTensor> inputs,
                                  std::span<const std::string> outputs,
                                  const inference::RunOptions& options) override {
    ACCEL_CHECK(inference::check_inputs(inputs_, inputs));
    ACCEL_CHECK(inference::check_outputs(outputs_, outputs));
    if (options.stop.stop_requested()) return fail(Errc::cancelled, "Stopped.");
    const Tensor& ids = *inputs[0].value;
    shapes.push_back(ids.shape());
    if (on_run) on_run();
    ACCEL_TRY(Tensor hidden, Tensor::zeros(DType::f32, {ids.shape()[0], ids.shape()[1], kHidden}));
    const auto out = hidden.mutable_data<float>();
    for (std::size_t i = 0; i < ids.elements(); ++i) {
      out[i * kHidden] = static_cast<float>(number(ids, i)) * scale;
      if (inputs.size() > 2) out[i * kHidden + 1] = static_cast<float>(number(*inputs[2].value, i));
      out[i * kHidden + 2] = 1;
    }
    std::vector<Tensor> result;
    result.push_back(std::move(hidden));
    return result;
  }

  std::vector<TensorSpec> inputs_{{"input_ids", DType::i64, {-1, -1}, true},
                                  {"attention_mask", DType::i64, {-1, -1}, true},
                                  {"token_type_ids", DType::i64, {-1, -1}, true}};
  std::vector<TensorSpec> outputs_{{"last_hidden_state", DType::f32, {-1, -1, kHidden}, true}};
  std::vector<tensor::Shape> shapes;  // Of the batches that ran.
  float scale = 1;
  std::function<void()> on_run;

 private:
  static std::int64_t number(const Tensor& tensor, std::size_t at) {
    return tensor.dtype() == DType::i32 ? tensor.data<std::int32_t>()[at]
                                        : tensor.data<std::int64_t>()[at];
  }
  inference::SessionInfo info_;
};

}  // namespace accel::models::testing
