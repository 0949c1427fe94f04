// SPDX-License-Identifier: Apache-2.0
// Whether the values of a graph fit together. Engines differ in what they do with a graph that does
// not: OpenVINO's reader follows a circle of nodes until memory ends, so it must not see one.
#include <unordered_map>
#include <unordered_set>

#include "accel/inference/onnx_reader.hpp"
#include "proto_reader.hpp"

namespace accel::inference {
namespace {

using detail::ProtoField;
using detail::ProtoReader;
using detail::text_at;
using detail::Wire;
using Names = std::vector<std::string_view>;  // Borrowed from the file.
using NameSet = std::unordered_set<std::string_view>;

// Where a graph and a function keep the same things. Spec: onnx.proto3, GraphProto and
// FunctionProto.
struct Layout {
  std::uint32_t node;
  std::uint32_t input;
  std::uint32_t output;
  bool has_value_infos;  // Inputs and outputs are ValueInfoProto; in a function plain strings.
};
constexpr Layout kGraphLayout{1, 11, 12, true};
constexpr Layout kFunctionLayout{7, 4, 5, false};
constexpr std::uint32_t kInitializer = 5;
constexpr std::uint32_t kSparseInitializer = 15;
constexpr std::uint32_t kModelFunction = 25;

struct Node {
  std::string_view op;
  Names inputs;
  Names outputs;
  std::vector<ByteRange> subgraphs;
};

struct Graph {
  std::vector<Node> nodes;
  NameSet given;  // Inputs and initializers.
  Names outputs;
  std::unordered_map<std::string_view, std::size_t> producer;  // Value -> node.
};

// The value of the first field with this number, read as text; empty when there is none.
Result<std::string_view> text_field(ByteView file, ByteRange message, std::uint32_t number) {
  ProtoReader reader(file, message);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    if (field.number == number && field.wire == Wire::bytes) return text_at(file, field.payload);
  }
  return std::string_view{};
}

Status read_attribute(ByteView file, ByteRange message, Node& node) {
  constexpr std::uint32_t kGraph = 6;
  constexpr std::uint32_t kGraphs = 11;
  ProtoReader reader(file, message);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    if ((field.number == kGraph || field.number == kGraphs) && field.wire == Wire::bytes) {
      node.subgraphs.push_back(field.payload);
    }
  }
  return {};
}

Result<Node> read_node(ByteView file, ByteRange message) {
  Node node;
  ProtoReader reader(file, message);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    if (field.wire != Wire::bytes) continue;
    const std::string_view text = text_at(file, field.payload);
    if (field.number == 1 && !text.empty()) node.inputs.push_back(text);  // Empty: left out.
    if (field.number == 2 && !text.empty()) node.outputs.push_back(text);
    if (field.number == 4) node.op = text;
    if (field.number == 5) ACCEL_CHECK(read_attribute(file, field.payload, node));
  }
  return node;
}

Status read_initializer(ByteView file, const ProtoField& field, Graph& graph) {
  constexpr std::uint32_t kTensorName = 8;
  ByteRange tensor = field.payload;
  if (field.number == kSparseInitializer) {
    ProtoReader reader(file, field.payload);
    while (!reader.done()) {
      ACCEL_TRY(const ProtoField part, reader.next());
      if (part.number == 1 && part.wire == Wire::bytes) tensor = part.payload;  // values
    }
  }
  ACCEL_TRY(const std::string_view name, text_field(file, tensor, kTensorName));
  graph.given.insert(name);
  return {};
}

Result<std::string_view> port_name(ByteView file, const ProtoField& field, const Layout& layout) {
  if (!layout.has_value_infos) return text_at(file, field.payload);
  return text_field(file, field.payload, 1);
}

Status read_graph_field(ByteView file, const ProtoField& field, const Layout& layout,
                        Graph& graph) {
  if (field.wire != Wire::bytes) return {};
  if (field.number == layout.node) {
    ACCEL_TRY(Node node, read_node(file, field.payload));
    graph.nodes.push_back(std::move(node));
  } else if (field.number == layout.input) {
    ACCEL_TRY(const std::string_view name, port_name(file, field, layout));
    graph.given.insert(name);
  } else if (field.number == layout.output) {
    ACCEL_TRY(const std::string_view name, port_name(file, field, layout));
    graph.outputs.push_back(name);
  } else if (layout.has_value_infos &&
             (field.number == kInitializer || field.number == kSparseInitializer)) {
    return read_initializer(file, field, graph);
  }
  return {};
}

Status find_producers(Graph& graph) {
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    for (const std::string_view name : graph.nodes[index].outputs) {
      if (graph.given.contains(name) || !graph.producer.emplace(name, index).second) {
        return fail(Errc::corrupt,
                    "The value \"{}\" of the model is made twice, again by a node {}.", name,
                    graph.nodes[index].op);
      }
    }
  }
  return {};
}

Result<Graph> read_graph(ByteView file, ByteRange message, const Layout& layout) {
  Graph graph;
  ProtoReader reader(file, message);
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    ACCEL_CHECK(read_graph_field(file, field, layout, graph));
  }
  ACCEL_CHECK(find_producers(graph));
  return graph;
}

// Kahn's algorithm, for files whose nodes are not in order (the specification asks for order, some
// writers do not keep it).
bool has_circle(std::size_t nodes, const std::vector<std::pair<std::size_t, std::size_t>>& edges) {
  std::vector<std::vector<std::size_t>> users(nodes);
  std::vector<std::size_t> waits(nodes, 0);
  for (const auto& [from, to] : edges) {
    users[from].push_back(to);
    ++waits[to];
  }
  std::vector<std::size_t> ready;
  for (std::size_t index = 0; index < nodes; ++index) {
    if (waits[index] == 0) ready.push_back(index);
  }
  std::size_t done = 0;
  while (!ready.empty()) {
    const std::size_t index = ready.back();
    ready.pop_back();
    ++done;
    for (const std::size_t user : users[index]) {
      if (--waits[user] == 0) ready.push_back(user);
    }
  }
  return done != nodes;
}

class Checker {
 public:
  explicit Checker(ByteView file) : file_(file) {}

  // Checks one graph whose outer scopes are on the stack; `outer_uses` receives the names that it
  // takes from them.
  Status check(ByteRange message, const Layout& layout, Names& outer_uses) {
    ACCEL_TRY(const Graph graph, read_graph(file_, message, layout));
    scopes_.push_back(&graph);
    Status status = check_values(graph, outer_uses);
    scopes_.pop_back();
    return status;
  }

 private:
  bool is_in(const Graph& graph, std::string_view name) const {
    return graph.given.contains(name) || graph.producer.contains(name);
  }

  // Finds who makes a value, here or further out. Errors: corrupt when nobody does.
  Status resolve(const Graph& graph, std::string_view name, std::string_view user,
                 Names& outer_uses) const {
    if (is_in(graph, name)) return {};
    for (const Graph* scope : scopes_) {
      if (!is_in(*scope, name)) continue;
      outer_uses.push_back(name);
      return {};
    }
    return fail(Errc::corrupt, "{} of the model uses the value \"{}\", which nothing makes.", user,
                name);
  }

  Status check_values(const Graph& graph, Names& outer_uses) {
    std::vector<std::pair<std::size_t, std::size_t>> edges;
    bool is_sorted = true;
    for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
      const Node& node = graph.nodes[index];
      Names used = node.inputs;
      for (const ByteRange subgraph : node.subgraphs)
        ACCEL_CHECK(check(subgraph, kGraphLayout, used));
      for (const std::string_view name : used) {
        ACCEL_CHECK(resolve(graph, name, fmt::format("A node {}", node.op), outer_uses));
        const auto made = graph.producer.find(name);
        if (made == graph.producer.end() || graph.given.contains(name)) continue;
        edges.emplace_back(made->second, index);
        is_sorted = is_sorted && made->second < index;
      }
    }
    if (!is_sorted && has_circle(graph.nodes.size(), edges)) {
      return fail(Errc::corrupt, "The nodes of the model wait for each other in a circle.");
    }
    for (const std::string_view name : graph.outputs) {
      ACCEL_CHECK(resolve(graph, name, "An output", outer_uses));
    }
    return {};
  }

  ByteView file_;
  std::vector<const Graph*> scopes_;  // Enclosing graphs, the outermost first.
};

}  // namespace

Status check_onnx_graph(ByteView file, const OnnxSummary& summary) {
  Names unused;
  ACCEL_CHECK(Checker(file).check(summary.graph, kGraphLayout, unused));
  ProtoReader reader(file, {0, file.size()});
  while (!reader.done()) {
    ACCEL_TRY(const ProtoField field, reader.next());
    if (field.number != kModelFunction || field.wire != Wire::bytes) continue;
    ACCEL_CHECK(Checker(file).check(field.payload, kFunctionLayout, unused));
  }
  return {};
}

}  // namespace accel::inference
