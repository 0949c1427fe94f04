// SPDX-License-Identifier: Apache-2.0
#pragma once
// The methods and messages of api/inference.proto as tables; a test compares them with the file.

#include <span>
#include <string_view>

#include "protocols/proto_message.hpp"

namespace accel::server::oip {

// What the paths of its methods begin with.
inline constexpr std::string_view kGrpcService = "/inference.GRPCInferenceService/";

struct Rpc {
  std::string_view name;  // "ModelInfer"
  const proto::Message* request;
  const proto::Message* reply;
  bool open;    // Needs no token over TCP.
  bool stream;  // Both ways.
};

std::span<const Rpc> rpcs();
// By the path of a request; null when there is no such method.
const Rpc* find_rpc(std::string_view path);

}  // namespace accel::server::oip
