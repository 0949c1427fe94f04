// SPDX-License-Identifier: Apache-2.0
#include "ort/shareable.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "onnx_types.hpp"
#include "ort/skeleton.hpp"
#include "proto_reader.hpp"

namespace accel::inference::ort {
namespace {

using detail::ProtoField;
using detail::ProtoReader;
using detail::text_at;
using detail::Wire;
using NameSet = std::unordered_set<std::string_view>;  // Borrowed from the file.

// Field numbers of onnx.proto3.
constexpr std::uint32_t kGraphNode = 1;
constexpr std::uint32_t kGraphInitializer = 5;
constexpr std::uint32_t kGraphInput = 11;
constexpr std::uint32_t kGraphOutput = 12;
constexpr std::uint32_t kGraphSparse = 15;
constexpr std::uint32_t kNodeInput = 1;
constexpr std::uint32_t kNodeOutput = 2;
constexpr std::uint32_t kNodeOp = 4;
constexpr std::uint32_t kNodeAttribute = 5;
constexpr std::uint32_t kNodeDomain = 7;
constexpr std::uint32_t kModelFunction = 25;
constexpr std::uint32_t kAttributeGraph = 6;
constexpr std::uint32_t kAttributeGraphs = 11;
constexpr std::uint32_t kPortName = 1;
constexpr std::uint32_t kTensorName = 8;
constexpr std::uint32_t kSparseValues = 1;

// Operators that keep their weights as they are, and at which input they take them.
struct Taker {
  std::string_view op;
  std::size_t input;
};
constexpr std::array kTakers{Taker{"MatMul", 1},
                             Taker{"Gemm", 1},
                             Taker{"Gather", 0},
                             Taker{"MatMulInteger", 1},
                             Taker{"QLinearMatMul", 3},
                             Taker{"DynamicQuantizeMatMul", 1},
                             Taker{"MatMulNBits", 1},
                             Taker{"LSTM", 1},
                             Taker{"LSTM", 2},
                             Taker{"GRU", 1},
                             Taker{"GRU", 2},
                             Taker{"RNN", 1},
                             Taker{"MatMulIntegerToFloat", 1}};

struct Node {
  std::string_view op;
  std::string_view domain;
  std::vector<std::string_view> inputs;  // "": left out.
};

class Uses {
 public:
  explicit Uses(ByteView file) : file_(file) {}

  Status read(const OnnxSummary& summary) {
    for (const OnnxInitializer& tensor : summary.initializers) {
      // Of two by one name the runtime takes one, and says which in its log alone.
      if (!constants_.insert(tensor.name).second) refused_.insert(tensor.name);
    }
    ProtoReader reader(file_, summary.graph);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.wire != Wire::bytes) continue;
      if (field.number == kGraphNode) ACCEL_CHECK(read_node(field.payload));
      if (field.number == kGraphSparse) ACCEL_CHECK(refuse_sparse(field.payload));
      // What is an input, too, may be given another value; what is an output outlives the session.
      if (field.number == kGraphInput || field.number == kGraphOutput)
        ACCEL_CHECK(refuse_name_in(field.payload, kPortName));
    }
    for (const Node& node : nodes_) refuse_inputs(node);
    return {};
  }

  bool allows(std::string_view name) const { return !refused_.contains(name); }

 private:
  Status read_node(ByteRange message) {
    Node node;
    std::vector<std::string_view> outputs;
    ProtoReader reader(file_, message);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.wire != Wire::bytes) continue;
      if (field.number == kNodeInput) node.inputs.push_back(text_at(file_, field.payload));
      if (field.number == kNodeOutput) outputs.push_back(text_at(file_, field.payload));
      if (field.number == kNodeOp) node.op = text_at(file_, field.payload);
      if (field.number == kNodeDomain) node.domain = text_at(file_, field.payload);
      if (field.number == kNodeAttribute) ACCEL_CHECK(refuse_subgraphs(field.payload));
    }
    if (node.inputs.empty()) constants_.insert(outputs.begin(), outputs.end());
    nodes_.push_back(std::move(node));
    return {};
  }

  // Every name that a sub-graph knows, its own or one from outside.
  Status refuse_subgraphs(ByteRange attribute) {
    ProtoReader reader(file_, attribute);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.wire != Wire::bytes) continue;
      if (field.number == kAttributeGraph || field.number == kAttributeGraphs)
        ACCEL_CHECK(refuse_graph(field.payload));
    }
    return {};
  }

  Status refuse_graph(ByteRange graph) {
    ProtoReader reader(file_, graph);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.wire != Wire::bytes) continue;
      if (field.number == kGraphNode) ACCEL_CHECK(refuse_node(field.payload));
      if (field.number == kGraphInitializer)
        ACCEL_CHECK(refuse_name_in(field.payload, kTensorName));
      if (field.number == kGraphInput || field.number == kGraphOutput)
        ACCEL_CHECK(refuse_name_in(field.payload, kPortName));
    }
    return {};
  }

  Status refuse_node(ByteRange message) {
    ProtoReader reader(file_, message);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.wire != Wire::bytes) continue;
      if (field.number == kNodeInput || field.number == kNodeOutput)
        refused_.insert(text_at(file_, field.payload));
      if (field.number == kNodeAttribute) ACCEL_CHECK(refuse_subgraphs(field.payload));
    }
    return {};
  }

  Status refuse_sparse(ByteRange message) {
    ProtoReader reader(file_, message);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.number == kSparseValues && field.wire == Wire::bytes)
        ACCEL_CHECK(refuse_name_in(field.payload, kTensorName));
    }
    return {};
  }

  Status refuse_name_in(ByteRange message, std::uint32_t number) {
    ProtoReader reader(file_, message);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField field, reader.next());
      if (field.number == number && field.wire == Wire::bytes)
        refused_.insert(text_at(file_, field.payload));
    }
    return {};
  }

  void refuse_inputs(const Node& node) {
    const bool is_folded = std::ranges::all_of(node.inputs, [&](std::string_view name) {
      return name.empty() || constants_.contains(name);
    });
    const bool is_known =
        node.domain.empty() || node.domain == "ai.onnx" || node.domain == "com.microsoft";
    for (std::size_t index = 0; index < node.inputs.size(); ++index) {
      const bool is_taken = is_known && std::ranges::any_of(kTakers, [&](const Taker& taker) {
                              return taker.op == node.op && taker.input == index;
                            });
      if (is_folded || !is_taken) refused_.insert(node.inputs[index]);
    }
  }

  ByteView file_;
  std::vector<Node> nodes_;
  NameSet constants_;  // Initializers and what nodes without inputs make.
  NameSet refused_;
};

// Functions of the model's own: their nodes take the place of those that call them.
Result<bool> has_functions(ByteView file) {
  ProtoReader reader(file, {0, file.size()});
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    if (field.number == kModelFunction) return true;
  }
  return false;
}

std::uint64_t stored_bytes(const OnnxInitializer& tensor) {
  if (tensor.raw) return tensor.raw->length;
  return tensor.external && tensor.external->length ? *tensor.external->length : 0;
}

// Types that the CPU's kernels take as they are; others are cast first, which is folded.
bool has_plain_type(const OnnxInitializer& tensor) {
  const auto dtype = detail::dtype_from_onnx(tensor.onnx_type);
  if (dtype != tensor::DType::f32 && dtype != tensor::DType::i8 && dtype != tensor::DType::u8)
    return false;
  const auto size = tensor::byte_count(*dtype, tensor.dims);
  return size && *size == stored_bytes(tensor);
}

}  // namespace

Result<std::vector<std::size_t>> find_shareable(ByteView file, const OnnxSummary& summary) {
  ACCEL_TRY(const bool has_own_functions, has_functions(file));
  if (has_own_functions) return std::vector<std::size_t>{};
  Uses uses(file);
  ACCEL_CHECK(uses.read(summary));
  std::vector<std::size_t> found;
  for (std::size_t index = 0; index < summary.initializers.size(); ++index) {
    const OnnxInitializer& tensor = summary.initializers[index];
    if (stored_bytes(tensor) >= kSkeletonMinBytes && has_plain_type(tensor) &&
        uses.allows(tensor.name)) {
      found.push_back(index);
    }
  }
  return found;
}

}  // namespace accel::inference::ort
