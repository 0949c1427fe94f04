// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Open Inference Protocol over gRPC: messages of api/inference.proto, read as JSON, become
// methods of the node, and results messages. Pure. What REST refuses is refused here by the same
// code (oip.hpp). Used by GrpcServer.

#include <optional>
#include <string>

#include "accel/core/clock.hpp"
#include "protocols/oip_schema.hpp"
#include "protocols/protocol.hpp"

namespace accel::server::oip {

struct InferCall {
  MethodRequest request;  // model.infer
  std::string model;
  std::string id;
};

// Errors: invalid_argument, not_found (a version), unsupported (names the parameter).
Result<InferCall> infer_call(nlohmann::json message);
// `explain`: why it was batched as it was, as a parameter of the reply.
nlohmann::json infer_message(const InferCall& call, nlohmann::json result, bool explain);

// Of the calls that are no inference. Errors: as above.
Result<MethodRequest> method_of(const Rpc& rpc, const nlohmann::json& message);
// RepositoryIndex needs the result of models.loaded too.
Result<nlohmann::json> message_of(const Rpc& rpc, const nlohmann::json& message,
                                  const nlohmann::json& result, const nlohmann::json& loaded);

}  // namespace accel::server::oip
