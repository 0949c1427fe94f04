// SPDX-License-Identifier: Apache-2.0
// Bodies of strangers in every protocol: whatever they hold, they become a request or a refusal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "../../src/node/serving/tensor_json.hpp"
#include "../../src/server/protocols/oip.hpp"
#include "../../src/server/protocols/ollama.hpp"
#include "../../src/server/protocols/openai.hpp"
#include "accel/core/json.hpp"

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = parse_bounded_json(text, "The body");
  if (!parsed || !parsed->is_object()) return 0;
  const nlohmann::json& body = *parsed;
  const auto check = [](const Result<server::MethodRequest>& request) {
    if (request && request->params.value("model", nlohmann::json("")) == "") std::abort();
  };
  check(server::openai::chat_request(body, text));
  check(server::openai::completion_request(body));
  check(server::openai::embedding_request(body));
  check(server::ollama::generate_request(body, text));
  check(server::ollama::chat_request(body, text));
  check(server::ollama::embed_request(body));
  check(server::ollama::show_request(body));
  check(server::oip::infer_request(body, "m"));
  const auto pull = server::ollama::pull_request(body);
  if (pull && pull->model.empty()) std::abort();
  static_cast<void>(server::openai::echo_of(body));
  static_cast<void>(node::tensor_of_json(body));
  return 0;
}
