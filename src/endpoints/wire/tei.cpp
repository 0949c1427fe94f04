// SPDX-License-Identifier: Apache-2.0
// Hugging Face's Text Embeddings Inference: embed, info (huggingface.github.io/
// text-embeddings-inference). A server has one model, so a request names none.
#include "wire/reading.hpp"
#include "wire/wire.hpp"

namespace accel::endpoints {
namespace {

using nlohmann::json;

constexpr std::string_view kName = "A TEI endpoint";

}  // namespace

Result<WireRequest> write_tei(const Request& request) {
  WireRequest wire;
  if (request.operation == Operation::listing) {
    wire.method = "GET";
    wire.path = "/info";
    return wire;
  }
  if (request.operation != Operation::embedding)
    return no_word_for(kName, request.operation == Operation::text ? "a text" : "tensors");
  wire.path = "/embed";
  wire.body = print({{"inputs", request.inputs}});
  return wire;
}

Status read_tei(const json& body, Operation operation, AnswerState& state) {
  if (operation == Operation::listing) {
    state.answer.models.push_back(text_of(body, "model_id"));
    return {};
  }
  if (!body.is_array()) return fail(Errc::protocol, "The answer is no list of embeddings.");
  for (const json& row : body) {
    ACCEL_TRY(auto vector, vector_of(row));
    ACCEL_CHECK(state.add_vector(std::move(vector)));
  }
  return {};
}

}  // namespace accel::endpoints
