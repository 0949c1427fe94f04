// SPDX-License-Identifier: Apache-2.0
#pragma once
// The routes of api/openapi.yaml over the node's methods: OpenAI, Ollama, Open Inference Protocol.
// Used by ApiServer, which has checked Host and Origin; the token is checked here, so that a
// refusal has the protocol's own shape. Threads: handle() on the server's executor; it never
// blocks.

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/net/message.hpp"
#include "accel/node/node.hpp"
#include "method_stream.hpp"
#include "protocols/protocol.hpp"

namespace accel::server {

struct Route {
  std::string_view method;  // "GET", "POST"
  std::string_view path;    // "/v2/models/{model}/infer"
  Protocol protocol;
  bool open;  // Needs no token over TCP.
};
std::span<const Route> protocol_routes();

class ProtocolServer {
 public:
  static constexpr std::size_t kWorkers = 32;    // Calls at a time; a text holds one while written.
  static constexpr std::size_t kMaxQueued = 64;  // More are refused with 429.

  ProtocolServer(node::Node& node, Executor executor, std::string token);
  ~ProtocolServer();

  // Whether a path belongs to one of the protocols, by any method.
  static bool serves(std::string_view path);
  Task<net::HttpResponse> handle(net::HttpRequest request, std::stop_token stop);

 private:
  struct Call;
  Task<net::HttpResponse> dispatch(Call call);
  Task<net::HttpResponse> openai(Call call);
  Task<net::HttpResponse> ollama(Call call);
  Task<net::HttpResponse> oip(Call call);
  Task<net::HttpResponse> openai_text(Call call, MethodRequest request, bool chat);
  Task<net::HttpResponse> ollama_text(Call call, MethodRequest request, bool chat);
  Task<nlohmann::json> run(MethodRequest request, std::stop_token stop);
  MethodCall method_call(MethodRequest request);

  node::Node& node_;
  Executor executor_;
  std::string token_;
  OffloadPool pool_{kWorkers, kMaxQueued, "serve"};
  TaskGroup jobs_;  // Uses the pool.
};

}  // namespace accel::server
