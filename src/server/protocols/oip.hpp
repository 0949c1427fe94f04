// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Open Inference Protocol v2 over REST (api/openapi.yaml, tag Open Inference Protocol): tensors
// as JSON. Pure.

#include "protocols/protocol.hpp"

namespace accel::server::oip {

// Errors: invalid_argument, unsupported (classification and other parameters, named).
Result<MethodRequest> infer_request(const nlohmann::json& body, const std::string& model);
nlohmann::json infer_reply(const nlohmann::json& body, const std::string& model,
                           const nlohmann::json& result);
nlohmann::json metadata_reply(const std::string& model, const nlohmann::json& signature);
nlohmann::json server_reply(std::string_view version);

}  // namespace accel::server::oip
