// SPDX-License-Identifier: Apache-2.0
#pragma once
// Requests as endpoints take them, and their answers as the methods of a node give them. Used by
// text, run and infer methods.

#include "serving/remote_route.hpp"
#include "serving/text_request.hpp"

namespace accel::node {

// Errors: unsupported (likelihoods, biases, several answers, a check only), and
// Multiplexer::ask()'s.
Result<nlohmann::json> generate_remotely(ServingContext& call, const GenerateRequest& request,
                                         const RemoteRoute& route);
// One vector for each text.
Result<nlohmann::json> embed_remotely(ServingContext& call, const std::vector<std::string>& inputs,
                                      const RemoteRoute& route);

struct RemoteTensors {
  const nlohmann::json* inputs = nullptr;
  std::vector<std::string> outputs;  // Empty: all.
  std::vector<std::string> binary;   // Which of them as bytes.
  bool all_binary = false;
};
Result<nlohmann::json> infer_remotely(ServingContext& call, const RemoteTensors& tensors,
                                      const RemoteRoute& route);

}  // namespace accel::node
