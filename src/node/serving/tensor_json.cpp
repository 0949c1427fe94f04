// SPDX-License-Identifier: Apache-2.0
#include "serving/tensor_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "accel/ipld/utf8.hpp"

namespace accel::node {
namespace {

using nlohmann::json;
using tensor::DType;

constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"FP32", DType::f32},     {"FP64", DType::f64},    {"FP16", DType::f16},
    {"BF16", DType::bf16},    {"INT8", DType::i8},     {"UINT8", DType::u8},
    {"INT16", DType::i16},    {"UINT16", DType::u16},  {"INT32", DType::i32},
    {"UINT32", DType::u32},   {"INT64", DType::i64},   {"UINT64", DType::u64},
    {"BOOL", DType::boolean}, {"BYTES", DType::string}};

Result<DType> dtype_of_name(const std::string& tensor, const json& value, bool binary) {
  const std::string name = value.is_string() ? value.get<std::string>() : value.dump();
  const auto* const found =
      std::ranges::find(kTypes, name, &std::pair<std::string_view, DType>::first);
  if (found == std::end(kTypes))
    return fail(Errc::unsupported, "The datatype {} of {} is not one that can be sent here.", name,
                tensor);
  if (!binary && (found->second == DType::f16 || found->second == DType::bf16))
    return fail(Errc::unsupported, "{} can't be sent as JSON, for JSON has no {}.", tensor, name);
  return found->second;
}

Result<tensor::Shape> shape_of(const std::string& name, const json& value) {
  const auto bad = [&] {
    return fail(Errc::invalid_argument, "The shape of {} must be a list of sizes.", name);
  };
  if (!value.is_array() || value.size() > kMaxTensorRank) return bad();
  tensor::Shape shape;
  std::uint64_t elements = 1;
  for (const json& dim : value) {
    if (!dim.is_number_unsigned() || dim.get<std::uint64_t>() > kMaxTensorElements) return bad();
    shape.push_back(dim.get<std::int64_t>());
    elements *= dim.get<std::uint64_t>();
    if (elements > kMaxTensorElements)
      return fail(Errc::invalid_argument, "{} has more than {} elements.", name,
                  kMaxTensorElements);
  }
  return shape;
}

template <class T>
bool read_value(const json& value, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) return false;
    out = value.get<bool>();
  } else if constexpr (std::is_floating_point_v<T>) {
    if (!value.is_number()) return false;
    out = value.get<T>();
  } else {
    if (!value.is_number_integer()) return false;
    if (value.is_number_unsigned()) {
      const auto number = value.get<std::uint64_t>();
      if (!std::in_range<T>(number)) return false;
      out = static_cast<T>(number);
    } else {
      const auto number = value.get<std::int64_t>();
      if (!std::in_range<T>(number)) return false;
      out = static_cast<T>(number);
    }
  }
  return true;
}

// How many values there are in nested lists; more than `most` need not be counted.
std::uint64_t count_values(const json& value, std::uint64_t most, std::size_t depth) {
  if (!value.is_array()) return 1;
  if (depth > kMaxTensorRank) return most + 1;
  std::uint64_t count = 0;
  for (const json& item : value) {
    count += count_values(item, most, depth + 1);
    if (count > most) break;
  }
  return count;
}

template <class T>
class Filler {
 public:
  explicit Filler(std::span<T> into) : into_(into) {}
  // How deep lists nest is bounded by the JSON reader of the request and by the rank here.
  bool take(const json& value, std::size_t depth) {
    if (!value.is_array()) return at_ < into_.size() && read_value(value, into_[at_++]);
    if (depth > kMaxTensorRank) return false;
    return std::all_of(value.begin(), value.end(),
                       [&](const json& item) { return take(item, depth + 1); });
  }
  bool full() const { return at_ == into_.size(); }

 private:
  std::span<T> into_;
  std::size_t at_ = 0;
};

// Calls `visit` with a null pointer to the C++ type of a dtype that has one.
template <class Visit>
auto with_type(DType dtype, Visit visit) {
  switch (dtype) {
    case DType::f64:
      return visit(static_cast<double*>(nullptr));
    case DType::i8:
      return visit(static_cast<std::int8_t*>(nullptr));
    case DType::u8:
      return visit(static_cast<std::uint8_t*>(nullptr));
    case DType::i16:
      return visit(static_cast<std::int16_t*>(nullptr));
    case DType::u16:
      return visit(static_cast<std::uint16_t*>(nullptr));
    case DType::i32:
      return visit(static_cast<std::int32_t*>(nullptr));
    case DType::u32:
      return visit(static_cast<std::uint32_t*>(nullptr));
    case DType::i64:
      return visit(static_cast<std::int64_t*>(nullptr));
    case DType::u64:
      return visit(static_cast<std::uint64_t*>(nullptr));
    case DType::boolean:
      return visit(static_cast<bool*>(nullptr));
    default:
      return visit(static_cast<float*>(nullptr));
  }
}

// A bool of another byte than 0 and 1 is none.
bool are_booleans(const json::binary_t& bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte <= 1; });
}

// What is wrong with strings, the tensor says of its elements; here it gets its name.
Status keep_strings(Result<tensor::Tensor> made, NamedInput& input) {
  if (!made) {
    return fail(made.error().code, "{} is no BYTES tensor: {}", input.name, made.error().message);
  }
  input.value = std::move(*made);
  return {};
}

Status read_binary(const json::binary_t& bytes, const tensor::Shape& shape, NamedInput& input,
                   DType dtype) {
  if (dtype == DType::string)
    return keep_strings(tensor::Tensor::of_packed_strings(shape, bytes), input);
  const auto wanted = tensor::byte_count(dtype, shape);
  if (!wanted || *wanted != bytes.size() || (dtype == DType::boolean && !are_booleans(bytes))) {
    return fail(Errc::invalid_argument, "The {} bytes of {} are not {} values of {}.", bytes.size(),
                input.name, tensor::element_count(shape).value_or(0), oip_datatype(dtype));
  }
  ACCEL_TRY(input.value, tensor::Tensor::zeros(dtype, tensor::Shape(shape)));
  if (!bytes.empty()) std::memcpy(input.value.mutable_bytes().data(), bytes.data(), bytes.size());
  return {};
}

// Appends the strings of nested lists; false at anything else.
bool collect_strings(const json& value, std::vector<std::string_view>& into) {
  if (value.is_string()) {
    into.push_back(value.get_ref<const std::string&>());
    return true;
  }
  return value.is_array() &&
         std::ranges::all_of(value, [&](const json& item) { return collect_strings(item, into); });
}

// `data` has as many values as the shape has elements, in lists as deep as kMaxTensorRank.
Status read_json(const json& data, tensor::Shape shape, NamedInput& input, DType dtype) {
  const auto bad_data = [&] {
    return fail(Errc::invalid_argument, "The data of {} are not {} values of {}.", input.name,
                tensor::element_count(shape).value_or(0), oip_datatype(dtype));
  };
  // Counted first: a small request must not make a large tensor.
  const std::uint64_t elements = tensor::element_count(shape).value_or(0);
  if (!data.is_array() || count_values(data, elements, 0) != elements) return bad_data();
  if (dtype == DType::string) {
    std::vector<std::string_view> strings;
    if (!collect_strings(data, strings)) return bad_data();
    return keep_strings(tensor::Tensor::of_strings(std::move(shape), strings), input);
  }
  ACCEL_TRY(input.value, tensor::Tensor::zeros(dtype, tensor::Shape(shape)));
  const bool filled = with_type(dtype, [&]<class T>(T*) {
    Filler<T> filler(input.value.mutable_data<T>());
    return filler.take(data, 0) && filler.full();
  });
  if (!filled) return bad_data();
  return {};
}

Result<json> json_of_strings(std::string_view name, const tensor::Tensor& value) {
  json data = json::array();
  for (const std::string_view text : value.strings()) {
    if (!ipld::is_utf8(text)) {
      return fail(
          Errc::unsupported,
          "{} has a string that is no UTF-8, which JSON can't carry; binary tensor data and "
          "gRPC can.",
          name);
    }
    data.push_back(text);
  }
  return data;
}

// The elements of a type without a C++ type can't be shown.
template <class T>
bool are_finite(std::span<const T> values) {
  if constexpr (!std::is_floating_point_v<T>) return true;
  return std::ranges::all_of(values, [](T value) { return std::isfinite(value); });
}

Result<json> json_of_numbers(std::string_view name, const tensor::Tensor& value) {
  bool finite = true;
  json data = with_type(value.dtype(), [&]<class T>(T*) {
    const auto elements = value.data<T>();
    finite = are_finite<T>(elements);
    return json(std::vector<T>(elements.begin(), elements.end()));
  });
  if (!finite) {
    return fail(Errc::unsupported,
                "The tensor {} has values that are infinite or no numbers (NaN), which JSON can't "
                "carry; binary tensor data and gRPC can.",
                name);
  }
  if (data.size() == value.elements()) return data;
  return fail(Errc::unsupported,
              "The tensor {} has type {}, which JSON can't carry; binary tensor data and gRPC can.",
              name, oip_datatype(value.dtype()));
}

}  // namespace

std::string_view oip_datatype(DType dtype) {
  return std::ranges::find(kTypes, dtype, &std::pair<std::string_view, DType>::second)->first;
}

Result<NamedInput> tensor_of_json(const json& value) {
  if (!value.is_object() || !value.contains("name") || !value.at("name").is_string())
    return fail(Errc::invalid_argument, "Each input must be an object with a name.");
  NamedInput input;
  input.name = value.at("name").get<std::string>();
  for (const char* member : {"datatype", "shape", "data"}) {
    if (!value.contains(member))
      return fail(Errc::invalid_argument, "The input {} has no \"{}\".", input.name, member);
  }
  const json& data = value.at("data");
  ACCEL_TRY(const DType dtype, dtype_of_name(input.name, value.at("datatype"), data.is_binary()));
  ACCEL_TRY(tensor::Shape shape, shape_of(input.name, value.at("shape")));
  ACCEL_CHECK(data.is_binary() ? read_binary(data.get_binary(), shape, input, dtype)
                               : read_json(data, std::move(shape), input, dtype));
  return input;
}

Result<json> json_of_tensor(std::string_view name, const tensor::Tensor& value, bool binary) {
  json result;  // Member by member: a list of pairs would be built of lists first.
  result["name"] = name;
  result["datatype"] = oip_datatype(value.dtype());
  result["shape"] = value.shape();
  if (binary) {
    result["data"] = json::binary({value.bytes().begin(), value.bytes().end()});
    return result;
  }
  const bool strings = value.dtype() == DType::string;
  ACCEL_TRY(result["data"], strings ? json_of_strings(name, value) : json_of_numbers(name, value));
  return result;
}

}  // namespace accel::node
