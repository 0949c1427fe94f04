// SPDX-License-Identifier: Apache-2.0
#pragma once
// One compiled model in OpenVINO, and its infer requests. An infer request runs one call at a time
// and owns the memory of its outputs, so a result holds its request until the last output tensor is
// gone: nothing is copied, and calls from many threads each get a request of their own. Used by the
// OpenVINO backend.

#include <memory>
#include <mutex>
#include <vector>

#include "openvino/library.hpp"

namespace accel::inference::openvino {

constexpr std::size_t kMaxIdleRequests = 4;  // Each keeps the activations of one call.

// The requests of one compiled model. Threads: safe. Owners: the session, and every result that
// still holds a request.
class RequestPool : public std::enable_shared_from_this<RequestPool> {
 public:
  RequestPool(std::shared_ptr<const Library> library, Handle<ov_compiled_model_t> model)
      : library_(std::move(library)), model_(std::move(model)) {}
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;

  // A request that comes back here when the last copy of the pointer goes. Owners: one call, then
  // its outputs.
  Result<std::shared_ptr<ov_infer_request_t>> take();
  const Library& library() const { return *library_; }
  const ov_compiled_model_t* model() const { return model_.get(); }

 private:
  void give_back(ov_infer_request_t* request);

  std::shared_ptr<const Library> library_;
  Handle<ov_compiled_model_t> model_;
  std::mutex mutex_;
  std::vector<Handle<ov_infer_request_t>> idle_;
};

class OpenVinoSession final : public Session {
 public:
  // Errors: unsupported when OpenVINO dropped or renamed an input or output.
  static Result<std::unique_ptr<Session>> wrap(std::shared_ptr<RequestPool> pool,
                                               std::vector<TensorSpec> inputs,
                                               std::vector<TensorSpec> outputs, SessionInfo info);

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  const SessionInfo& info() const override { return info_; }
  Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor> inputs,
                                          std::span<const std::string> outputs,
                                          const RunOptions& options) override;

 private:
  OpenVinoSession() = default;
  Status check_ports() const;
  Status set_input(ov_infer_request_t* request, const NamedTensor& input) const;
  Status infer(ov_infer_request_t* request, const std::stop_token& stop) const;
  Result<tensor::Tensor> output(const std::shared_ptr<ov_infer_request_t>& request,
                                const std::string& name) const;

  std::shared_ptr<RequestPool> pool_;
  std::vector<TensorSpec> inputs_;
  std::vector<TensorSpec> outputs_;
  SessionInfo info_;
};

}  // namespace accel::inference::openvino
