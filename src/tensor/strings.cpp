// SPDX-License-Identifier: Apache-2.0
// Tensors of strings: elements of any length in one piece of memory.
#include <bit>
#include <cstring>
#include <utility>

#include "accel/tensor/tensor.hpp"

namespace accel::tensor {
namespace {

static_assert(std::endian::native == std::endian::little, "Lengths are copied as they lie");

using Length = std::uint32_t;

Result<std::uint64_t> string_count(const Shape& shape) {
  ACCEL_TRY(const std::uint64_t count, element_count(shape));
  if (count <= kMaxStrings) return count;
  return fail(Errc::invalid_argument, "A tensor {} has {} strings; at most {} are taken.",
              shape_text(shape), count, kMaxStrings);
}

Status check_size(std::uint64_t size_bytes) {
  if (size_bytes <= kMaxStringBytes) return {};
  return fail(Errc::invalid_argument, "A tensor's strings take {} bytes; at most {} are taken.",
              size_bytes, kMaxStringBytes);
}

// Takes one element from the front. Its length is checked before it is believed.
Result<std::string_view> take(ByteView& rest, std::uint64_t at) {
  if (rest.size() < sizeof(Length)) {
    return fail(Errc::invalid_argument, "Element {} has {} bytes of its length, which takes {}.",
                at, rest.size(), sizeof(Length));
  }
  Length length = 0;
  std::memcpy(&length, rest.data(), sizeof length);
  rest = rest.subspan(sizeof length);
  if (length > rest.size()) {
    return fail(Errc::invalid_argument, "Element {} claims {} bytes, but only {} are left.", at,
                length, rest.size());
  }
  const std::string_view text = as_text(rest.first(length));
  rest = rest.subspan(length);
  return text;
}

Status check_packed(ByteView rest, std::uint64_t count) {
  for (std::uint64_t at = 0; at < count; ++at) {
    if (rest.empty())
      return fail(Errc::invalid_argument, "{} strings were given for {} elements.", at, count);
    if (auto element = take(rest, at); !element) return fail(std::move(element).error());
  }
  if (rest.empty()) return {};
  return fail(Errc::invalid_argument, "{} bytes are left behind the last of {} elements.",
              rest.size(), count);
}

}  // namespace

Result<Tensor> Tensor::packed_memory(Shape shape, std::uint64_t size_bytes) {
  ACCEL_CHECK(check_size(size_bytes));
  ACCEL_TRY(Tensor tensor, zeros(DType::u8, {static_cast<std::int64_t>(size_bytes)}));
  tensor.dtype_ = DType::string;
  tensor.shape_ = std::move(shape);
  return tensor;
}

Result<Tensor> Tensor::of_strings(Shape shape, std::span<const std::string_view> values) {
  ACCEL_TRY(const std::uint64_t count, string_count(shape));
  if (count != values.size()) {
    return fail(Errc::invalid_argument, "{} strings do not fill a tensor of shape {}.",
                values.size(), shape_text(shape));
  }
  std::uint64_t size = 0;
  for (const std::string_view value : values) {
    size += sizeof(Length) + value.size();
    ACCEL_CHECK(check_size(size));  // Also keeps each length below 32 bits.
  }
  ACCEL_TRY(Tensor tensor, packed_memory(std::move(shape), size));
  std::uint8_t* into = std::exchange(tensor.writable_, nullptr);
  for (const std::string_view value : values) {
    const auto length = static_cast<Length>(value.size());
    std::memcpy(into, &length, sizeof length);
    if (length > 0) std::memcpy(into + sizeof length, value.data(), length);
    into += sizeof length + length;
  }
  return tensor;
}

Result<Tensor> Tensor::of_packed_strings(Shape shape, ByteView packed) {
  ACCEL_TRY(const std::uint64_t count, string_count(shape));
  ACCEL_CHECK(check_packed(packed, count));
  ACCEL_TRY(Tensor tensor, packed_memory(std::move(shape), packed.size()));
  std::uint8_t* const into = std::exchange(tensor.writable_, nullptr);
  if (!packed.empty()) std::memcpy(into, packed.data(), packed.size());
  return tensor;
}

std::vector<std::string_view> Tensor::strings() const {
  std::vector<std::string_view> texts;
  if (dtype_ != DType::string) return texts;
  const std::uint64_t count = elements();
  texts.reserve(count);
  ByteView rest = bytes_;
  for (std::uint64_t at = 0; at < count; ++at) {
    const auto text = take(rest, at);
    if (!text) break;  // Never: they were checked when the tensor was made.
    texts.push_back(*text);
  }
  return texts;
}

}  // namespace accel::tensor
