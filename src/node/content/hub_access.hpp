// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where hubs are and with what they let us in: settings first, then the variables that their own
// programs read. Used by hub pulls.

#include <optional>
#include <string>

#include "accel/core/config.hpp"
#include "accel/core/result.hpp"
#include "accel/hub/s3.hpp"

namespace accel::node {

struct HubAccess {
  std::string endpoint;
  std::string token;
  std::optional<hub::S3Access> s3;

  // What took a token or keys to get is not for everybody who asks our gateway.
  bool is_private() const { return !token.empty() || (s3 && s3->keys); }
};

// models.hf_endpoint, models.hf_token; HF_ENDPOINT, HF_TOKEN. Errors: invalid_argument (a token
// would travel where anybody on the way can read it).
Result<HubAccess> hugging_face_access(const Config& config);
HubAccess ollama_access(const Config& config);  // models.ollama_registry.
// models.s3_…; AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION,
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Errors: invalid_argument (one half
// of the keys, no region, no URL; a session's token without encryption).
Result<HubAccess> s3_access(const Config& config);

}  // namespace accel::node
