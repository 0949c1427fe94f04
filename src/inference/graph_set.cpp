// SPDX-License-Identifier: Apache-2.0
#include "accel/inference/graph_set.hpp"

namespace accel::inference {
namespace {

using Graphs = std::map<std::string, std::unique_ptr<Session>, std::less<>>;

class GraphSet final : public Session {
 public:
  GraphSet(Graphs graphs, Session& entry) : graphs_(std::move(graphs)), entry_(entry) {}

  const std::vector<TensorSpec>& inputs() const override { return entry_.inputs(); }
  const std::vector<TensorSpec>& outputs() const override { return entry_.outputs(); }
  const SessionInfo& info() const override { return entry_.info(); }
  Session* graph(std::string_view name) override {
    const auto found = graphs_.find(name);
    return found == graphs_.end() ? nullptr : found->second.get();
  }
  Result<std::vector<tensor::Tensor>> run(std::span<const NamedTensor> inputs,
                                          std::span<const std::string> outputs,
                                          const RunOptions& options) override {
    return entry_.run(inputs, outputs, options);
  }

 private:
  Graphs graphs_;
  Session& entry_;  // One of graphs_.
};

}  // namespace

Result<std::unique_ptr<Session>> open_graphs(Backend& backend, const GraphFiles& files,
                                             const SessionOptions& options) {
  if (files.graphs.empty()) return backend.open(files.entry, options);
  Graphs graphs;
  Session* entry = nullptr;
  for (const auto& [name, file] : files.graphs) {
    auto session = backend.open(file, options);
    if (!session) {
      session.error().message = fmt::format("{}: {}", name, session.error().message);
      return fail(std::move(session).error());
    }
    if (file == files.entry) entry = session->get();
    graphs.emplace(name, std::move(*session));
  }
  if (entry == nullptr)
    return fail(Errc::invalid_argument, "No graph of the model is its entry, {}.",
                files.entry.string());
  return std::make_unique<GraphSet>(std::move(graphs), *entry);
}

Result<Session*> find_graph(Session& session, std::string_view name) {
  if (Session* const graph = session.graph(name)) return graph;
  return fail(Errc::unsupported,
              "The model has no graph \"{}\", which its task needs; its model.json must name it "
              "among its graphs.",
              name);
}

}  // namespace accel::inference
