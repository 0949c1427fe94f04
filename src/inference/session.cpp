// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/session.hpp"

#include <algorithm>

namespace accel::inference {
namespace {

std::string list_of(std::span<const TensorSpec> specs) {
  std::string text;
  for (const TensorSpec& spec : specs) text += (text.empty() ? "" : ", ") + to_string(spec);
  return text.empty() ? "none" : text;
}

const TensorSpec* find(std::span<const TensorSpec> specs, std::string_view name) {
  const auto found = std::ranges::find(specs, name, &TensorSpec::name);
  return found == specs.end() ? nullptr : &*found;
}

Status check_shape(const TensorSpec& spec, const tensor::Tensor& value) {
  if (!spec.rank_known) return {};
  const auto& shape = value.shape();
  bool fits = shape.size() == spec.dims.size();
  for (std::size_t axis = 0; fits && axis < shape.size(); ++axis) {
    fits = spec.dims[axis] < 0 || spec.dims[axis] == shape[axis];
  }
  if (fits) return {};
  return fail(Errc::invalid_argument, "The input \"{}\" has the shape {}; the model takes {}.",
              spec.name, tensor::shape_text(shape), to_string(spec));
}

Status check_input(std::span<const TensorSpec> specs, const NamedTensor& input) {
  const TensorSpec* spec = find(specs, input.name);
  if (spec == nullptr) {
    return fail(Errc::invalid_argument, "The model has no input \"{}\"; it takes {}.", input.name,
                list_of(specs));
  }
  if (input.value == nullptr) {
    return fail(Errc::invalid_argument, "The input \"{}\" was given without a tensor.", input.name);
  }
  if (input.value->dtype() != spec->dtype) {
    return fail(Errc::invalid_argument, "The input \"{}\" is of type {}; the model takes {}.",
                input.name, tensor::dtype_name(input.value->dtype()), to_string(*spec));
  }
  return check_shape(*spec, *input.value);
}

}  // namespace

std::string to_string(const TensorSpec& spec) {
  return fmt::format("{}: {} {}", spec.name, tensor::dtype_name(spec.dtype),
                     spec.rank_known ? tensor::shape_text(spec.dims) : "of any shape");
}

Status check_inputs(std::span<const TensorSpec> specs, std::span<const NamedTensor> inputs) {
  for (std::size_t index = 0; index < inputs.size(); ++index) {
    ACCEL_CHECK(check_input(specs, inputs[index]));
    for (std::size_t before = 0; before < index; ++before) {
      if (inputs[before].name == inputs[index].name) {
        return fail(Errc::invalid_argument, "The input \"{}\" was given twice.",
                    inputs[index].name);
      }
    }
  }
  for (const TensorSpec& spec : specs) {
    if (std::ranges::find(inputs, std::string_view(spec.name), &NamedTensor::name) ==
        inputs.end()) {
      return fail(Errc::invalid_argument, "The input \"{}\" is missing; the model takes {}.",
                  spec.name, list_of(specs));
    }
  }
  return {};
}

Status check_outputs(std::span<const TensorSpec> specs, std::span<const std::string> wanted) {
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    if (find(specs, wanted[index]) == nullptr) {
      return fail(Errc::invalid_argument, "The model has no output \"{}\"; it gives {}.",
                  wanted[index], list_of(specs));
    }
    if (std::ranges::find(wanted.first(index), wanted[index]) != wanted.first(index).end()) {
      return fail(Errc::invalid_argument, "The output \"{}\" was asked for twice.", wanted[index]);
    }
  }
  return {};
}

}  // namespace accel::inference
