// SPDX-License-Identifier: Apache-2.0
// Bodies with binary tensors of strangers: the first line is the length that the header claims,
// what follows the body. What is taken has exactly the elements that its shape says.
#include <cstddef>
#include <cstdint>

#include "../../src/node/serving/tensor_json.hpp"
#include "../../src/server/protocols/oip.hpp"
#include "../../src/server/protocols/oip_binary.hpp"
#include "taken_tensor.hpp"

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = all.find('\n');
  if (end == std::string_view::npos) return 0;
  const auto body = server::oip::read_body(all.substr(end + 1), all.substr(0, end));
  if (!body || !server::oip::infer_request(*body, "m")) return 0;
  for (const nlohmann::json& input : body->at("inputs")) {
    const auto tensor = node::tensor_of_json(input);
    if (tensor) tensor::check_taken(tensor->value);
  }
  return 0;
}
