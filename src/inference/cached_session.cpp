// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/cached_session.hpp"

namespace accel::inference {
namespace {

using tensor::Tensor;

OutputKey key_of(const OutputUse& use, std::span<const NamedTensor> inputs,
                 std::span<const std::string> outputs) {
  OutputKeyWriter key = use.begin_key("tensors");
  key.number(outputs.size());
  for (const std::string& name : outputs) key.text(name);
  for (const NamedTensor& input : inputs) {
    key.text(input.name);
    key.tensor(*input.value);
  }
  return key.finish();
}

// Over the kept memory, which they keep.
Result<std::vector<Tensor>> aliases_of(const KeptOutputs& kept) {
  std::vector<Tensor> outputs;
  for (const Tensor& one : *kept) {
    ACCEL_TRY(Tensor alias, Tensor::borrow(one.dtype(), one.shape(), one.bytes(), kept));
    outputs.push_back(std::move(alias));
  }
  return outputs;
}

}  // namespace

Result<std::vector<Tensor>> CachedSession::run(std::span<const NamedTensor> inputs,
                                               std::span<const std::string> outputs,
                                               const RunOptions& options) {
  const Clock& clock = system_clock();
  const SteadyTime began = clock.now();
  const OutputKey key = key_of(use_, inputs, outputs);
  const KeptOutputs kept = use_.find(key);
  const SteadyTime looked = clock.now();
  use_.spend(looked - began);
  if (kept) return aliases_of(kept);
  Result<std::vector<Tensor>> computed = session_.run(inputs, outputs, options);
  if (!computed) return computed;
  const SteadyTime ran = clock.now();
  use_.keep(key, *computed);
  use_.spend(clock.now() - ran);
  return computed;
}

}  // namespace accel::inference
