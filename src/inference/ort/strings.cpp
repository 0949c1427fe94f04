// SPDX-License-Identifier: Apache-2.0
#include "ort/strings.hpp"

#include <cstring>
#include <vector>

namespace accel::inference::ort {

Result<Handle<OrtValue>> value_of_strings(const Runtime& runtime, const tensor::Tensor& strings) {
  const OrtApi& api = runtime.api();
  OrtAllocator* allocator = nullptr;
  ACCEL_CHECK(runtime.check(api.GetAllocatorWithDefaultOptions(&allocator), "give an allocator"));
  OrtValue* raw = nullptr;
  ACCEL_CHECK(runtime.check(
      api.CreateTensorAsOrtValue(allocator, strings.shape().data(), strings.shape().size(),
                                 ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING, &raw),
      "make a tensor of strings"));
  Handle<OrtValue> value(raw, api.ReleaseValue);
  std::size_t index = 0;
  for (const std::string_view text : strings.strings()) {
    // FillStringTensor() would end each element at its first zero.
    char* into = nullptr;
    ACCEL_CHECK(
        runtime.check(api.GetResizedStringTensorElementBuffer(raw, index++, text.size(), &into),
                      "take a string"));
    if (!text.empty()) std::memcpy(into, text.data(), text.size());
  }
  return value;
}

Result<tensor::Tensor> strings_of_value(const Runtime& runtime, const OrtValue* value,
                                        tensor::Shape shape, const std::string& name) {
  const OrtApi& api = runtime.api();
  ACCEL_TRY(const std::uint64_t count, tensor::element_count(shape));
  std::size_t size = 0;
  ACCEL_CHECK(
      runtime.check(api.GetStringTensorDataLength(value, &size), "measure an output's strings"));
  if (count > tensor::kMaxStrings || size > tensor::kMaxStringBytes - 4 * count) {
    return fail(Errc::resource_exhausted,
                "The output \"{}\" has {} strings of {} bytes; at most {} of {} bytes are given.",
                name, count, size, tensor::kMaxStrings, tensor::kMaxStringBytes);
  }
  std::string text(size, '\0');
  std::vector<std::size_t> starts(count);
  ACCEL_CHECK(runtime.check(
      api.GetStringTensorContent(value, text.data(), size, starts.data(), starts.size()),
      "give an output's strings"));
  std::vector<std::string_view> strings(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? starts[i + 1] : size;
    strings[i] = std::string_view(text).substr(starts[i], end - starts[i]);
  }
  return tensor::Tensor::of_strings(std::move(shape), strings);
}

}  // namespace accel::inference::ort
