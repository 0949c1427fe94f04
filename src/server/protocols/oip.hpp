// SPDX-License-Identifier: Apache-2.0
#pragma once
// The Open Inference Protocol v2 over REST (api/openapi.yaml, tag Open Inference Protocol) with its
// extensions of model repository and statistics; oip_binary.hpp has binary tensors. Pure.

#include "protocols/protocol.hpp"

namespace accel::server::oip {

// Errors: invalid_argument, unsupported (classification and other parameters, named).
Result<MethodRequest> infer_request(nlohmann::json body, const std::string& model);
nlohmann::json infer_reply(const nlohmann::json& id, const std::string& model,
                           nlohmann::json result);
nlohmann::json metadata_reply(const std::string& model, const nlohmann::json& signature);
nlohmann::json server_reply(std::string_view version);

// The model-repository extension: what there is, and what is in memory. Errors: invalid_argument,
// unsupported.
Result<nlohmann::json> index_reply(const nlohmann::json& body, const nlohmann::json& list,
                                   const nlohmann::json& loaded);
// The statistics extension, of what model.stats tells: times of the queue and of the run are
// counted; what the engine's copies take is not known by itself and stays 0.
nlohmann::json stats_reply(const nlohmann::json& result);

}  // namespace accel::server::oip
