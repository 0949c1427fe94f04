// SPDX-License-Identifier: Apache-2.0
#pragma once
// One model in ONNX Runtime. Used by the ONNX Runtime backend. Threads: run() from many threads
// (the runtime allows it).

#include <memory>
#include <vector>

#include "ort/runtime.hpp"
#include "ort/shared_weights.hpp"

namespace accel::inference::ort {

class OrtModelSession final : public Session {
 public:
  // Reads what the opened session takes and gives. Errors: unsupported (an input or output that is
  // no tensor). `weights`: those that it was opened with, if any.
  static Result<std::unique_ptr<Session>> wrap(std::shared_ptr<const Runtime> runtime,
                                               Handle<OrtSession> session, SessionInfo info,
                                               SharedWeights weights);

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  const SessionInfo& info() const override { return info_; }
  Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor> inputs,
                                          std::span<const std::string> outputs,
                                          const RunOptions& options) override;

 private:
  OrtModelSession() = default;
  Status read_specs();
  Result<TensorSpec> read_spec(std::size_t index, bool is_input);
  Result<Handle<OrtValue>> borrow(const tensor::Tensor& value) const;
  Result<tensor::Tensor> adopt(OrtValue* value, const std::string& name) const;
  Status execute(std::span<const char* const> names, std::span<const OrtValue* const> values,
                 std::span<const char* const> wanted, std::span<OrtValue*> results,
                 const std::stop_token& stop) const;

  std::shared_ptr<const Runtime> runtime_;  // Owners: the backend, its sessions and their results.
  SharedWeights weights_;                   // Before the session, which must end first.
  Handle<OrtSession> session_{nullptr, nullptr};
  Handle<OrtMemoryInfo> memory_{nullptr, nullptr};
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
  SessionInfo info_;
};

}  // namespace accel::inference::ort
