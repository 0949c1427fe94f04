// SPDX-License-Identifier: Apache-2.0
#include "one_graph.hpp"

#include <algorithm>

#include "labels.hpp"

namespace accel::models {
namespace {

std::string text_of(const WantedShape& shape) {
  std::vector<std::string> sides;
  for (const auto& side : shape) sides.push_back(side ? fmt::format("{}", *side) : "?");
  return fmt::format("[{}]", fmt::join(sides, ", "));
}

}  // namespace

Result<std::vector<tensor::Tensor>> run_graph(inference::Session& graph, std::string_view name,
                                              const tensor::Tensor& input, std::size_t outputs,
                                              const inference::RunOptions& options) {
  if (graph.inputs().size() != 1 || graph.outputs().size() < outputs) {
    return fail(Errc::unsupported,
                "The {} has {} inputs and {} outputs; its task needs one input and {} outputs.",
                name, graph.inputs().size(), graph.outputs().size(), outputs);
  }
  const inference::NamedTensor given[] = {{graph.inputs()[0].name, &input}};
  std::vector<std::string> wanted;
  for (const inference::TensorSpec& spec : graph.outputs()) wanted.push_back(spec.name);
  ACCEL_TRY(auto results, graph.run(given, wanted, options));
  if (results.size() >= outputs) return results;
  return fail(Errc::internal, "The engine gave {} outputs of the {}, not {}.", results.size(), name,
              outputs);
}

Result<std::span<const float>> values_of(const tensor::Tensor& output, std::string_view name,
                                         const WantedShape& wanted) {
  const tensor::Shape& shape = output.shape();
  const auto fits = [](std::int64_t side, const std::optional<std::int64_t>& wish) {
    return !wish || *wish == side;
  };
  const bool same = std::equal(shape.begin(), shape.end(), wanted.begin(), wanted.end(), fits);
  if (same && !std::ranges::count(shape, 0)) return finite_values(output, name);
  return fail(Errc::unsupported, "The model's {} has the shape {}; {} was expected.", name,
              tensor::shape_text(shape), text_of(wanted));
}

}  // namespace accel::models
