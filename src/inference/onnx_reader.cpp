// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/onnx_reader.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_set>

#include "onnx_tensor.hpp"
#include "onnx_types.hpp"
#include "proto_reader.hpp"

namespace accel::inference {
namespace {

using detail::expect_wire;
using detail::ProtoField;
using detail::ProtoReader;
using detail::Wire;

// Field numbers of the messages that are read here.
enum ModelField : std::uint32_t {
  kIrVersion = 1,
  kProducer = 2,
  kGraph = 7,
  kOpset = 8,
  kFunction = 25
};
enum GraphField : std::uint32_t {
  kNode = 1,
  kInitializer = 5,
  kInput = 11,
  kOutput = 12,
  kSparse = 15
};
enum AttributeField : std::uint32_t {
  kTensor = 5,
  kSubgraph = 6,
  kTensors = 10,
  kSubgraphs = 11,
};
constexpr std::uint32_t kNodeInput = 1;
constexpr std::uint32_t kNodeOp = 4;
constexpr std::uint32_t kNodeAttribute = 5;
constexpr std::uint32_t kFunctionNode = 7;

Result<std::string> read_name(ByteView file, const ProtoField& field, std::string_view what) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, what));
  const std::string_view name = detail::text_at(file, field.payload);
  if (name.size() > kMaxOnnxNameBytes || name.find('\0') != std::string_view::npos) {
    return fail(Errc::corrupt, "The {} at byte {} is too long or has a zero byte.", what,
                field.start);
  }
  return std::string(name);
}

// By the operators of ONNX and of ONNX Runtime's own domain: RandomNormal, RandomUniformLike, …; a
// Dropout drops something only where a third input may say that the model is trained.
bool draws_at_random(std::string_view op, std::size_t inputs) {
  constexpr std::string_view kDrawing[] = {"Bernoulli", "Multinomial", "Sampling"};
  if (op.ends_with("Dropout")) return inputs > 2;
  return op.starts_with("Random") || std::ranges::find(kDrawing, op) != std::end(kDrawing);
}

// Walks one file; every method takes the place of the message that it reads.
class Walker {
 public:
  explicit Walker(ByteView file) : file_(file) {}
  Result<OnnxSummary> model();

 private:
  Status model_field(const ProtoField& field);
  Status opset(const ProtoField& field);
  Status graph(ByteRange range, std::size_t depth);
  Status graph_field(const ProtoField& field, std::size_t depth);
  Status node(const ProtoField& field, std::size_t depth);
  Status attribute(const ProtoField& field, std::size_t depth);
  Status function(const ProtoField& field);
  Status tensor(const ProtoField& field, bool is_listed);
  Status value_info(const ProtoField& field, std::vector<TensorSpec>& into);
  Status type(const ProtoField& field, TensorSpec& spec, bool& is_tensor);
  Status tensor_type(const ProtoField& field, TensorSpec& spec);
  Status shape(const ProtoField& field, TensorSpec& spec);
  Status dim(const ProtoField& field, TensorSpec& spec);
  Status finish();

  ByteView file_;
  OnnxSummary summary_;
  bool has_graph_ = false;
};

Result<OnnxSummary> Walker::model() {
  ProtoReader reader(file_, {0, file_.size()});
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    ACCEL_CHECK(model_field(field));
  }
  ACCEL_CHECK(finish());
  return std::move(summary_);
}

Status Walker::model_field(const ProtoField& field) {
  switch (field.number) {
    case kIrVersion:
      ACCEL_CHECK(expect_wire(field, Wire::varint, "ir_version"));
      summary_.ir_version = static_cast<std::int64_t>(field.value);
      return {};
    case kProducer: {
      ACCEL_TRY(summary_.producer, read_name(file_, field, "producer_name"));
      return {};
    }
    case kOpset:
      return opset(field);
    case kFunction:
      return function(field);
    case kGraph:
      ACCEL_CHECK(expect_wire(field, Wire::bytes, "graph"));
      if (has_graph_)
        return fail(Errc::corrupt, "There is a second graph at byte {}.", field.start);
      has_graph_ = true;
      summary_.graph_field_start = field.start;
      summary_.graph = field.payload;
      return graph(field.payload, 0);
    default:
      return {};
  }
}

Status Walker::opset(const ProtoField& field) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "opset_import"));
  std::string domain;
  std::int64_t version = 0;
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == 1) {
      ACCEL_TRY(domain, read_name(file_, part, "opset domain"));
    } else if (part.number == 2 && part.wire == Wire::varint) {
      version = static_cast<std::int64_t>(part.value);
    }
  }
  if (domain.empty() || domain == "ai.onnx") summary_.opset = version;
  return {};
}

Status Walker::graph(ByteRange range, std::size_t depth) {
  if (depth > kMaxOnnxDepth) {
    return fail(Errc::corrupt, "Graphs are nested more than {} deep at byte {}.", kMaxOnnxDepth,
                range.offset);
  }
  ProtoReader reader(file_, range);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    ACCEL_CHECK(graph_field(field, depth));
  }
  return {};
}

Status Walker::graph_field(const ProtoField& field, std::size_t depth) {
  switch (field.number) {
    case kNode:
      return node(field, depth);
    case kInitializer:
      return tensor(field, depth == 0);
    case kInput:
      return depth == 0 ? value_info(field, summary_.inputs) : Status{};
    case kOutput:
      return depth == 0 ? value_info(field, summary_.outputs) : Status{};
    case kSparse: {
      ACCEL_CHECK(expect_wire(field, Wire::bytes, "sparse_initializer"));
      ProtoReader reader(file_, field.payload);
      while (!reader.done()) {
        ACCEL_TRY(const ProtoField part, reader.next());
        if (part.number == 1 || part.number == 2) ACCEL_CHECK(tensor(part, false));
      }
      return {};
    }
    default:
      return {};
  }
}

Status Walker::node(const ProtoField& field, std::size_t depth) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "node"));
  if (++summary_.node_count > kMaxOnnxNodes) {
    return fail(Errc::corrupt, "The model has more than {} nodes.", kMaxOnnxNodes);
  }
  std::string_view op;
  std::size_t inputs = 0;
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == kNodeAttribute) ACCEL_CHECK(attribute(part, depth));
    if (part.number == kNodeInput) ++inputs;
    if (part.number == kNodeOp && part.wire == Wire::bytes)
      op = detail::text_at(file_, part.payload);
  }
  summary_.draws = summary_.draws || draws_at_random(op, inputs);
  return {};
}

Status Walker::attribute(const ProtoField& field, std::size_t depth) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "attribute"));
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == kTensor || part.number == kTensors) {
      ACCEL_CHECK(tensor(part, false));
    } else if (part.number == kSubgraph || part.number == kSubgraphs) {
      ACCEL_CHECK(expect_wire(part, Wire::bytes, "graph of an attribute"));
      ACCEL_CHECK(graph(part.payload, depth + 1));
    }
  }
  return {};
}

Status Walker::function(const ProtoField& field) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "function"));
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == kFunctionNode) ACCEL_CHECK(node(part, 1));
  }
  return {};
}

Status Walker::tensor(const ProtoField& field, bool is_listed) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "tensor"));
  ACCEL_TRY(OnnxInitializer tensor, detail::read_tensor(file_, field.payload));
  if (tensor.external) summary_.external.push_back(*tensor.external);
  if (!is_listed) return {};
  if (summary_.initializers.size() == kMaxOnnxInitializers) {
    return fail(Errc::corrupt, "The model has more than {} initializers.", kMaxOnnxInitializers);
  }
  tensor.field_start = field.start;
  summary_.initializers.push_back(std::move(tensor));
  return {};
}

Status Walker::value_info(const ProtoField& field, std::vector<TensorSpec>& into) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "input or output"));
  TensorSpec spec;
  bool is_tensor = false;
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == 1) {
      ACCEL_TRY(spec.name, read_name(file_, part, "name of an input or output"));
    } else if (part.number == 2) {
      ACCEL_CHECK(type(part, spec, is_tensor));
    }
  }
  if (!is_tensor) {
    return fail(
        Errc::unsupported,
        "\"{}\" of the model is no tensor of numbers or strings; such models are not supported.",
        spec.name);
  }
  if (into.size() == kMaxOnnxPorts) {
    return fail(Errc::corrupt, "The model has more than {} inputs or outputs.", kMaxOnnxPorts);
  }
  into.push_back(std::move(spec));
  return {};
}

Status Walker::type(const ProtoField& field, TensorSpec& spec, bool& is_tensor) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "type"));
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number != 1) continue;
    is_tensor = true;
    spec.rank_known = false;
    ACCEL_CHECK(tensor_type(part, spec));
  }
  return {};
}

Status Walker::tensor_type(const ProtoField& field, TensorSpec& spec) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "tensor_type"));
  bool has_type = false;
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == 1 && part.wire == Wire::varint) {
      const auto dtype = detail::dtype_from_onnx(static_cast<std::int32_t>(part.value));
      if (!dtype) {
        return fail(Errc::unsupported,
                    "\"{}\" has the ONNX element type {}, which is not supported.", spec.name,
                    part.value);
      }
      spec.dtype = *dtype;
      has_type = true;
    } else if (part.number == 2) {
      ACCEL_CHECK(shape(part, spec));
    }
  }
  if (has_type) return {};
  return fail(Errc::corrupt, "\"{}\" of the model has no element type.", spec.name);
}

Status Walker::shape(const ProtoField& field, TensorSpec& spec) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "shape"));
  spec.rank_known = true;
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == 1) ACCEL_CHECK(dim(part, spec));
  }
  return {};
}

Status Walker::dim(const ProtoField& field, TensorSpec& spec) {
  ACCEL_CHECK(expect_wire(field, Wire::bytes, "dim"));
  std::int64_t value = -1;
  ProtoReader reader(file_, field.payload);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField part, reader.next());
    if (part.number == 1 && part.wire == Wire::varint)
      value = static_cast<std::int64_t>(part.value);
  }
  if (value < -1 || spec.dims.size() == tensor::kMaxRank) {
    return fail(Errc::corrupt, "\"{}\" of the model has impossible dims.", spec.name);
  }
  spec.dims.push_back(value);
  return {};
}

// Old files list initializers among the inputs, as defaults: those are no inputs of a run.
Status Walker::finish() {
  if (!has_graph_) {
    return fail(Errc::corrupt, "The file holds no graph: it is no ONNX model, or it is cut off.");
  }
  if (summary_.outputs.empty()) return fail(Errc::corrupt, "The model has no outputs.");
  std::unordered_set<std::string_view> names;
  for (const OnnxInitializer& tensor : summary_.initializers) names.insert(tensor.name);
  std::erase_if(summary_.inputs, [&](const TensorSpec& spec) { return names.contains(spec.name); });
  return {};
}

}  // namespace

Result<OnnxSummary> read_onnx(ByteView file) {
  if (file.empty()) return fail(Errc::corrupt, "The model file is empty.");
  if (file.size() > kMaxOnnxBytes) {
    return fail(Errc::corrupt,
                "The model file has {} bytes; an ONNX file has at most {} (larger weights go into "
                "external data).",
                file.size(), kMaxOnnxBytes);
  }
  return Walker(file).model();
}

Status check_external_data(const OnnxSummary& summary, const std::filesystem::path& folder) {
  std::error_code error;
  const auto root = std::filesystem::canonical(folder.empty() ? "." : folder, error);
  for (const ExternalPlace& place : summary.external) {
    const auto file = std::filesystem::canonical(root / place.location, error);
    if (error) {
      return fail(Errc::corrupt, "The model needs the file {} in {}, which is missing.",
                  place.location, root.string());
    }
    const auto relative = file.lexically_relative(root);
    if (relative.empty() || *relative.begin() == "..") {
      return fail(Errc::corrupt,
                  "The external data {} of the model leads out of {}; it is refused.",
                  place.location, root.string());
    }
    if (!std::filesystem::is_regular_file(file, error)) {
      return fail(Errc::corrupt, "The external data {} of the model is no regular file.",
                  place.location);
    }
    const std::uint64_t size = std::filesystem::file_size(file, error);
    if (error) return fail(Errc::corrupt, "The size of {} is unknown.", place.location);
    if (place.offset > size || place.length.value_or(0) > size - place.offset) {
      return fail(Errc::corrupt, "The model needs bytes {} to {} of {}, which has only {}.",
                  place.offset, place.offset + place.length.value_or(0), place.location, size);
    }
  }
  return {};
}

}  // namespace accel::inference
