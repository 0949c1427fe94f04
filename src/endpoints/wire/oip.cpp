// SPDX-License-Identifier: Apache-2.0
// Open Inference Protocol v2 over REST: infer, and the index of the model repository extension.
// Tensors go as JSON, which every server reads.
#include <algorithm>

#include "accel/core/json.hpp"
#include "accel/net/url.hpp"
#include "wire/reading.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "An Open Inference endpoint";

}  // namespace

Result<WireRequest> write_oip(const Request& request) {
  WireRequest wire;
  if (request.operation == Operation::listing) {
    wire.path = "/v2/repository/index";
    wire.body = "{}";
    return wire;
  }
  if (request.operation != Operation::tensors)
    return no_word_for(kName, request.operation == Operation::text ? "a text" : "embeddings");
  ACCEL_TRY(json inputs, parse_bounded_json(request.tensors, "The list of tensors"));
  json body{{"inputs", std::move(inputs)}};
  for (const std::string& name : request.outputs) body["outputs"].push_back({{"name", name}});
  if (request.time_left) {  // Triton counts in microseconds, and 0 is no limit.
    const auto left = std::chrono::ceil<std::chrono::microseconds>(*request.time_left);
    body["parameters"]["timeout"] = std::max<std::int64_t>(left.count(), 1);
  }
  wire.path = "/v2/models/" + net::percent_encode(request.model) + "/infer";
  wire.body = print(body);
  return wire;
}

Status read_oip(const json& body, Operation operation, AnswerState& state) {
  if (operation == Operation::listing) {
    if (!body.is_array()) return fail(Errc::protocol, "The answer is no list of models.");
    for (const json& row : body) {
      if (state.answer.models.size() < kMaxListed)
        state.answer.models.push_back(text_of(row, "name"));
    }
    return {};
  }
  const json& outputs = member_of(body, "outputs");
  if (!outputs.is_array() || outputs.empty())
    return fail(Errc::protocol, "The answer has no list of outputs.");
  state.answer.model = text_of(body, "model_name");
  state.answer.tensors = print(outputs);
  return {};
}

}  // namespace accel::endpoints
