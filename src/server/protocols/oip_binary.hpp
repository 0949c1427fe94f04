// SPDX-License-Identifier: Apache-2.0
#pragma once
// The binary-tensor extension of the Open Inference Protocol over REST: after the JSON of a body
// come the tensors' bytes, row-major and little-endian, in the order in which the JSON names them;
// the header Inference-Header-Content-Length says where they begin. Pure functions over bytes of
// strangers. Spec: KServe's binary tensor data extension.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "accel/core/result.hpp"

namespace accel::server::oip {

constexpr std::string_view kHeaderLength = "Inference-Header-Content-Length";

// The request with each binary tensor's bytes as its "data" (a JSON value of type binary); without
// the header (empty) all of it is JSON. Errors: invalid_argument (a length that is no number or
// lies outside the body, tensors that claim more or fewer bytes than there are, a tensor with both
// kinds of data, or no JSON object).
Result<nlohmann::json> read_body(std::string_view body, std::string_view header_length);

struct WrittenBody {
  std::string bytes;
  std::size_t json_bytes = 0;  // What the header says; of all of it when nothing is binary.
  bool binary = false;
};
// The other way: outputs whose "data" is binary go behind the JSON.
WrittenBody write_body(nlohmann::json reply);

}  // namespace accel::server::oip
