// SPDX-License-Identifier: Apache-2.0
#include "ort/session.hpp"

#include <algorithm>

#include "onnx_types.hpp"
#include "ort/strings.hpp"

namespace accel::inference::ort {
namespace {

tl::unexpected<Error> cancelled() {
  return fail(Errc::cancelled, "The run of the model was cancelled.");
}

// A kernel's complaint about the values that it got: the caller's matter, with the runtime's words.
Error refused_input(Error error) {
  constexpr std::string_view kBefore = "Status Message: ";
  const std::size_t found = error.cause.find(kBefore);
  const std::size_t from = found == std::string::npos ? 0 : found + kBefore.size();
  error.code = Errc::invalid_argument;
  error.message = "ONNX Runtime refuses the input: " + error.cause.substr(from);
  return error;
}

}  // namespace

Result<std::unique_ptr<Session>> OrtModelSession::wrap(std::shared_ptr<const Runtime> runtime,
                                                       Handle<OrtSession> session, SessionInfo info,
                                                       SharedWeights weights) {
  const OrtApi& api = runtime->api();
  OrtMemoryInfo* raw = nullptr;
  ACCEL_CHECK(runtime->check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &raw),
                             "describe memory"));
  std::unique_ptr<OrtModelSession> wrapped(new OrtModelSession);  // tidy: raw-new: private
  wrapped->memory_ = {raw, api.ReleaseMemoryInfo};
  wrapped->runtime_ = std::move(runtime);
  wrapped->weights_ = std::move(weights);
  wrapped->session_ = std::move(session);
  wrapped->info_ = std::move(info);
  ACCEL_CHECK(wrapped->read_specs());
  return std::unique_ptr<Session>(std::move(wrapped));
}

Status OrtModelSession::read_specs() {
  std::size_t input_count = 0;
  std::size_t output_count = 0;
  ACCEL_CHECK(runtime_->check(runtime_->api().SessionGetInputCount(session_.get(), &input_count),
                              "count inputs"));
  ACCEL_CHECK(runtime_->check(runtime_->api().SessionGetOutputCount(session_.get(), &output_count),
                              "count outputs"));
  for (std::size_t index = 0; index < input_count; ++index) {
    ACCEL_TRY(TensorSpec spec, read_spec(index, true));
    inputs_.push_back(std::move(spec));
  }
  for (std::size_t index = 0; index < output_count; ++index) {
    ACCEL_TRY(TensorSpec spec, read_spec(index, false));
    outputs_.push_back(std::move(spec));
  }
  return {};
}

Result<TensorSpec> OrtModelSession::read_spec(std::size_t index, bool is_input) {
  const OrtApi& api = runtime_->api();
  OrtAllocator* allocator = nullptr;
  ACCEL_CHECK(runtime_->check(api.GetAllocatorWithDefaultOptions(&allocator), "give an allocator"));
  char* name = nullptr;
  ACCEL_CHECK(runtime_->check((is_input ? api.SessionGetInputName : api.SessionGetOutputName)(
                                  session_.get(), index, allocator, &name),
                              "name an input or output"));
  TensorSpec spec;
  spec.name = name;
  allocator->Free(allocator, name);
  OrtTypeInfo* type = nullptr;
  ACCEL_CHECK(
      runtime_->check((is_input ? api.SessionGetInputTypeInfo : api.SessionGetOutputTypeInfo)(
                          session_.get(), index, &type),
                      "describe an input or output"));
  const Handle<OrtTypeInfo> owned(type, api.ReleaseTypeInfo);
  const OrtTensorTypeAndShapeInfo* tensor =
      nullptr;  // Owned by `type`; null for sequences and maps.
  ACCEL_CHECK(runtime_->check(api.CastTypeInfoToTensorInfo(type, &tensor), "describe a tensor"));
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  if (tensor != nullptr) {
    ACCEL_CHECK(runtime_->check(api.GetTensorElementType(tensor, &element), "describe a tensor"));
    ACCEL_CHECK(runtime_->check(api.GetDimensionsCount(tensor, &rank), "describe a tensor"));
  }
  const auto dtype = detail::dtype_from_onnx(static_cast<std::int32_t>(element));
  if (!dtype) {
    return fail(
        Errc::unsupported,
        "\"{}\" of the model is no tensor of numbers or strings; such models are not supported.",
        spec.name);
  }
  spec.dtype = *dtype;
  spec.dims.resize(rank);
  ACCEL_CHECK(
      runtime_->check(api.GetDimensions(tensor, spec.dims.data(), rank), "describe a tensor"));
  return spec;
}

Result<Handle<OrtValue>> OrtModelSession::borrow(const tensor::Tensor& value) const {
  if (value.dtype() == tensor::DType::string) return value_of_strings(*runtime_, value);
  const OrtApi& api = runtime_->api();
  OrtValue* out = nullptr;
  // The C API has no const here, but inputs are only read.
  void* data = const_cast<std::uint8_t*>(value.bytes().data());
  ACCEL_CHECK(runtime_->check(
      api.CreateTensorWithDataAsOrtValue(
          memory_.get(), data, value.bytes().size(), value.shape().data(), value.shape().size(),
          static_cast<ONNXTensorElementDataType>(detail::onnx_from_dtype(value.dtype())), &out),
      "take an input"));
  return Handle<OrtValue>(out, api.ReleaseValue);
}

Result<tensor::Tensor> OrtModelSession::adopt(OrtValue* value, const std::string& name) const {
  const OrtApi& api = runtime_->api();
  if (value == nullptr) return fail(Errc::internal, "ONNX Runtime gave no output \"{}\".", name);
  const std::shared_ptr<OrtValue> owner(
      value, [runtime = runtime_](OrtValue* held) { runtime->api().ReleaseValue(held); });
  OrtTensorTypeAndShapeInfo* raw = nullptr;
  ACCEL_CHECK(runtime_->check(api.GetTensorTypeAndShape(value, &raw), "describe an output"));
  const Handle<OrtTensorTypeAndShapeInfo> info(raw, api.ReleaseTensorTypeAndShapeInfo);
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  std::size_t rank = 0;
  ACCEL_CHECK(runtime_->check(api.GetTensorElementType(raw, &element), "describe an output"));
  ACCEL_CHECK(runtime_->check(api.GetDimensionsCount(raw, &rank), "describe an output"));
  tensor::Shape shape(rank);
  ACCEL_CHECK(runtime_->check(api.GetDimensions(raw, shape.data(), rank), "describe an output"));
  const auto dtype = detail::dtype_from_onnx(static_cast<std::int32_t>(element));
  if (!dtype)
    return fail(Errc::unsupported, "The output \"{}\" is no tensor of numbers or strings.", name);
  if (*dtype == tensor::DType::string)
    return strings_of_value(*runtime_, value, std::move(shape), name);
  void* data = nullptr;
  ACCEL_CHECK(
      runtime_->check(api.GetTensorMutableData(value, &data), "give the memory of an output"));
  ACCEL_TRY(const std::uint64_t size, tensor::byte_count(*dtype, shape));
  return tensor::Tensor::borrow(*dtype, std::move(shape),
                                {static_cast<const std::uint8_t*>(data), size}, owner);
}

Status OrtModelSession::execute(std::span<const char* const> names,
                                std::span<const OrtValue* const> values,
                                std::span<const char* const> wanted, std::span<OrtValue*> results,
                                const std::stop_token& stop) const {
  const OrtApi& api = runtime_->api();
  OrtRunOptions* raw = nullptr;
  if (stop.stop_possible())
    ACCEL_CHECK(runtime_->check(api.CreateRunOptions(&raw), "prepare a run"));
  const Handle<OrtRunOptions> run_options(raw, api.ReleaseRunOptions);
  Status status;
  bool bad_input = false;
  {
    const std::stop_callback on_stop(stop, [&] {
      static_cast<void>(
          runtime_->check(api.RunOptionsSetTerminate(run_options.get()), "stop a run"));
    });
    OrtStatus* const ran = api.Run(session_.get(), run_options.get(), names.data(), values.data(),
                                   names.size(), wanted.data(), wanted.size(), results.data());
    bad_input = ran != nullptr && api.GetErrorCode(ran) == ORT_INVALID_ARGUMENT;
    status = runtime_->check(ran, "run the model");
  }
  if (!status && stop.stop_requested()) return cancelled();
  if (!status && bad_input) return fail(refused_input(std::move(status).error()));
  return status;
}

Result<std::vector<tensor::Tensor>> OrtModelSession::run(std::span<const NamedTensor> inputs,
                                                         std::span<const std::string> outputs,
                                                         const RunOptions& options) {
  ACCEL_CHECK(check_inputs(inputs_, inputs));
  ACCEL_CHECK(check_outputs(outputs_, outputs));
  if (options.stop.stop_requested()) return cancelled();
  std::vector<const char*> names;
  std::vector<Handle<OrtValue>> held;
  std::vector<const OrtValue*> values;
  for (const NamedTensor& input : inputs) {
    names.push_back(std::ranges::find(inputs_, input.name, &TensorSpec::name)->name.c_str());
    ACCEL_TRY(Handle<OrtValue> value, borrow(*input.value));
    values.push_back(value.get());
    held.push_back(std::move(value));
  }
  std::vector<const char*> wanted;
  for (const std::string& name : outputs) wanted.push_back(name.c_str());
  if (outputs.empty()) {
    for (const TensorSpec& spec : outputs_) wanted.push_back(spec.name.c_str());
  }
  std::vector<OrtValue*> results(wanted.size(), nullptr);
  ACCEL_CHECK(execute(names, values, wanted, results, options.stop));
  std::vector<tensor::Tensor> tensors;
  Status failed;
  for (std::size_t index = 0; index < results.size(); ++index) {
    Result<tensor::Tensor> tensor = adopt(results[index], wanted[index]);
    if (tensor)
      tensors.push_back(std::move(*tensor));
    else if (failed)
      failed = fail(std::move(tensor).error());
  }
  ACCEL_CHECK(std::move(failed));
  return tensors;
}

}  // namespace accel::inference::ort
