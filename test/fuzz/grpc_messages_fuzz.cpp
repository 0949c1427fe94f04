// SPDX-License-Identifier: Apache-2.0
// What a client of gRPC may send to any method: frames in pieces (the first byte says how large),
// each a message. What is taken of a tensor has exactly the bytes that its shape says; a message
// that was read and written can be read again.
#include <algorithm>
#include <cstdlib>

#include "../../src/node/serving/tensor_json.hpp"
#include "../../src/server/protocols/grpc.hpp"
#include "../../src/server/protocols/oip_grpc.hpp"
#include "taken_tensor.hpp"

using namespace accel;

namespace {

void check_infer(nlohmann::json message) {
  const auto call = server::oip::infer_call(std::move(message));
  if (!call) return;
  for (const nlohmann::json& input : call->request.params.at("inputs")) {
    const auto tensor = node::tensor_of_json(input);
    if (tensor) tensor::check_taken(tensor->value);
  }
}

void check(const std::string& bytes) {
  for (const server::oip::Rpc& rpc : server::oip::rpcs()) {
    if (rpc.stream) continue;  // Its messages are those of ModelInfer.
    auto message = server::proto::read(*rpc.request, as_bytes(bytes));
    if (!message) continue;
    std::string written;
    server::proto::write(*rpc.request, *message, written);
    if (!server::proto::read(*rpc.request, as_bytes(written))) std::abort();
    if (rpc.name == "ModelInfer") {
      check_infer(*std::move(message));
    } else {
      static_cast<void>(server::oip::method_of(rpc, *message));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 64 + 1;
  std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  server::grpc::FrameReader reader(4096);
  while (!rest.empty()) {
    const std::size_t part = std::min(piece, rest.size());
    reader.feed(std::string(rest.substr(0, part)));
    rest.remove_prefix(part);
    while (true) {
      auto message = reader.next();
      if (!message) return 0;
      if (!*message) break;
      check(**message);
    }
    if (reader.waiting() > 4096 + server::grpc::kFrameHead + piece) std::abort();
  }
  return 0;
}
