// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/canary.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "accel/core/clock.hpp"
#include "proto_writer.hpp"

namespace accel::inference {
namespace {

using detail::put_bytes;
using detail::put_text;
using detail::put_varint_field;

constexpr std::int64_t kIrVersion = 8;
constexpr std::int64_t kOpset = 13;
constexpr std::uint64_t kFloat = 1;  // TensorProto.DataType

float weight(std::int64_t row, std::int64_t column) {
  return static_cast<float>((row * 7 + column * 3) % 17 - 8) / 16.0F;
}

float bias(std::int64_t column) { return static_cast<float>(column - 4) / 16.0F; }

float input_at(std::int64_t row, std::int64_t column) {
  return static_cast<float>((row * 5 + column * 3) % 13 - 6) / 16.0F;
}

float answer_at(std::int64_t row, std::int64_t column) {
  float sum = bias(column);
  for (std::int64_t index = 0; index < kCanaryInputs; ++index) {
    sum += input_at(row, index) * weight(index, column);
  }
  return std::max(sum, 0.0F);
}

Bytes tensor_proto(std::string_view name, std::span<const std::int64_t> dims,
                   std::span<const float> values) {
  Bytes out;
  for (const std::int64_t dim : dims) put_varint_field(out, 1, static_cast<std::uint64_t>(dim));
  put_varint_field(out, 2, kFloat);
  put_text(out, 8, name);
  put_bytes(out, 9, {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()});
  return out;
}

Bytes node_proto(std::string_view op, std::span<const std::string_view> inputs,
                 std::string_view output) {
  Bytes out;
  for (const std::string_view input : inputs) put_text(out, 1, input);
  put_text(out, 2, output);
  put_text(out, 4, op);
  return out;
}

Bytes value_proto(std::string_view name, std::int64_t rows, std::int64_t columns) {
  Bytes batch;
  if (rows < 0) {
    put_text(batch, 2, "batch");
  } else {
    put_varint_field(batch, 1, static_cast<std::uint64_t>(rows));
  }
  Bytes width;
  put_varint_field(width, 1, static_cast<std::uint64_t>(columns));
  Bytes shape;
  put_bytes(shape, 1, batch);
  put_bytes(shape, 1, width);
  Bytes tensor;
  put_varint_field(tensor, 1, kFloat);
  put_bytes(tensor, 2, shape);
  Bytes type;
  put_bytes(type, 1, tensor);
  Bytes out;
  put_text(out, 1, name);
  put_bytes(out, 2, type);
  return out;
}

Bytes graph_proto(std::int64_t batch) {
  std::vector<float> weights;
  for (std::int64_t row = 0; row < kCanaryInputs; ++row) {
    for (std::int64_t column = 0; column < kCanaryOutputs; ++column)
      weights.push_back(weight(row, column));
  }
  std::vector<float> biases;
  for (std::int64_t column = 0; column < kCanaryOutputs; ++column) biases.push_back(bias(column));
  Bytes graph;
  put_bytes(graph, 1,
            node_proto("MatMul", std::array<std::string_view, 2>{"x", "weights"}, "product"));
  put_bytes(graph, 1, node_proto("Add", std::array<std::string_view, 2>{"product", "bias"}, "sum"));
  put_bytes(graph, 1, node_proto("Relu", std::array<std::string_view, 1>{"sum"}, "y"));
  put_text(graph, 2, "canary");
  put_bytes(graph, 5, tensor_proto("weights", std::array{kCanaryInputs, kCanaryOutputs}, weights));
  put_bytes(graph, 5, tensor_proto("bias", std::array{kCanaryOutputs}, biases));
  put_bytes(graph, 11, value_proto("x", batch, kCanaryInputs));
  put_bytes(graph, 12, value_proto("y", batch, kCanaryOutputs));
  return graph;
}

template <class At>
tensor::Tensor filled(std::int64_t batch, std::int64_t columns, At at) {
  auto tensor = tensor::Tensor::zeros(tensor::DType::f32, {batch, columns});
  if (!tensor) return {};
  const std::span<float> values = tensor->template mutable_data<float>();
  for (std::int64_t row = 0; row < batch; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      values[static_cast<std::size_t>(row * columns + column)] = at(row, column);
    }
  }
  return std::move(*tensor);
}

Result<double> compare(const tensor::Tensor& got, const tensor::Tensor& wanted) {
  if (got.dtype() != wanted.dtype() || got.shape() != wanted.shape()) {
    return fail(Errc::corrupt, "The device answered the canary with {} {} instead of {} {}.",
                tensor::dtype_name(got.dtype()), tensor::shape_text(got.shape()),
                tensor::dtype_name(wanted.dtype()), tensor::shape_text(wanted.shape()));
  }
  double largest = 0;
  for (std::size_t index = 0; index < wanted.elements(); ++index) {
    const double difference =
        std::abs(double{got.data<float>()[index]} - double{wanted.data<float>()[index]});
    if (!(difference <= double{kCanaryTolerance})) {  // Written so that NaN fails too.
      return fail(
          Errc::corrupt,
          "The device computes wrongly: it answered the canary with {} where the CPU gives {}.",
          got.data<float>()[index], wanted.data<float>()[index]);
    }
    largest = std::max(largest, difference);
  }
  return largest;
}

}  // namespace

Bytes canary_model(std::int64_t batch) {
  Bytes opset;
  put_text(opset, 1, "");
  put_varint_field(opset, 2, kOpset);
  Bytes model;
  put_varint_field(model, 1, kIrVersion);
  put_text(model, 2, "ipfs-accelerate");
  put_bytes(model, 7, graph_proto(batch));
  put_bytes(model, 8, opset);
  return model;
}

tensor::Tensor canary_input(std::int64_t batch) { return filled(batch, kCanaryInputs, input_at); }

tensor::Tensor canary_answer(std::int64_t batch) {
  return filled(batch, kCanaryOutputs, answer_at);
}

Result<CanaryResult> run_canary(Backend& backend, const EngineDevice& device,
                                std::stop_token stop) {
  SessionOptions options;
  options.device = device.id;
  options.cpu_fallback = false;
  const SteadyTime start = system_clock().now();
  ACCEL_TRY(const auto session, backend.open_bytes(canary_model(), options));
  CanaryResult result;
  result.device = device;
  result.open_ms = to_ms(system_clock().now() - start);
  result.engine = session->info().engine;
  result.version = session->info().version;
  const tensor::Tensor input = canary_input(kCanaryBatch);
  const NamedTensor named{"x", &input};
  ACCEL_TRY(auto outputs, session->run({&named, 1}, {}, {stop}));
  ACCEL_TRY(result.max_error, compare(outputs.at(0), canary_answer(kCanaryBatch)));
  const SteadyTime again = system_clock().now();
  ACCEL_TRY(outputs, session->run({&named, 1}, {}, {stop}));
  result.run_ms = to_ms(system_clock().now() - again);
  ACCEL_TRY(const double repeated, compare(outputs.at(0), canary_answer(kCanaryBatch)));
  result.max_error = std::max(result.max_error, repeated);
  return result;
}

}  // namespace accel::inference
