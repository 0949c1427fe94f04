// SPDX-License-Identifier: Apache-2.0
#pragma once
// The routes of api/openapi.yaml over the node's methods: OpenAI, Ollama, Open Inference Protocol.
// Used by ApiServer, which has checked Host and Origin and knows who asks; strangers are refused
// here, so that it is done in the protocol's own shape. Threads: handle() on the server's loop,
// where it also runs what the node expects to be over in microseconds; all else goes to pools.

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/async/offload.hpp"
#include "accel/core/async/relay_loop.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/net/message.hpp"
#include "accel/node/node.hpp"
#include "access.hpp"
#include "method_stream.hpp"
#include "protocols/protocol.hpp"
#include "protocols/routes.hpp"

namespace accel::server {

// Who is one client for fair queues: a key, wherever it is used; else connections of this machine
// are programs of their own, and elsewhere an address is one.
std::string client_of(const net::HttpRequest& request, const node::Caller& caller);

// An error in the words of the protocol of a path.
net::HttpResponse protocol_refusal(std::string_view path, const Error& error);

class ProtocolServer {
 public:
  static constexpr std::size_t kTexts = 32;  // At a time; each holds a thread while it is written.
  // What loads or runs a model, other than for a text: each waits in its thread for its batch, so
  // that this many requests can be batched.
  static constexpr std::size_t kRuns = 64;
  static constexpr std::size_t kQuick = 4;       // What only looks: it never waits for a model.
  static constexpr std::size_t kPulls = 4;       // Models that are fetched; each lasts.
  static constexpr std::size_t kMaxQueued = 64;  // Of each; more are refused with 429.
  static constexpr std::size_t kMaxQueuedRuns = 256;
  static constexpr std::size_t kReadHere = 64U << 10U;  // Bytes of a body that the loop reads.

  // `most`: what a request may take that runs a model; zero: no limit.
  ProtocolServer(node::Node& node, RelayLoop& loop, Duration most = {});
  ~ProtocolServer();

  // The route of a request; null when there is none.
  static const Route* find_route(std::string_view method, std::string_view path);
  // Whether a path belongs to one of the protocols, by any method.
  static bool serves(std::string_view path);
  // Asked before the body is read: a stranger sends none to what would not take it. Errors:
  // unauthenticated.
  static Status admit(const net::HttpRequest& head, const Visitor& visitor);
  Task<net::HttpResponse> handle(net::HttpRequest request, std::stop_token stop, Visitor visitor);
  // A method of the node on the pool that bounds its like; `stop`, its deadline, and cancelling the
  // task stop it.
  Task<nlohmann::json> run(MethodRequest request, node::Caller caller, std::stop_token stop);

 private:
  struct Call;
  Task<nlohmann::json> read_body(const net::HttpRequest& request, const Route& route);
  Task<net::HttpResponse> dispatch(Call call);
  Task<net::HttpResponse> openai(Call call);
  Task<net::HttpResponse> openai_audio(Call call);
  Task<net::HttpResponse> ollama(Call call);
  Task<net::HttpResponse> ollama_pull(Call call);
  Task<net::HttpResponse> oip(Call call);
  Task<net::HttpResponse> oip_repository(Call call);
  Task<net::HttpResponse> openai_text(Call call, MethodRequest request, bool chat);
  Task<net::HttpResponse> ollama_text(Call call, MethodRequest request, bool chat);
  Task<nlohmann::json> run(MethodRequest request, const Call& call);  // Call: of the awaiter.
  TimedCall method_call(MethodRequest request, node::Caller caller);
  OffloadPool& pool_of(std::string_view method);

  node::Node& node_;
  RelayLoop& loop_;
  const Duration most_;
  OffloadPool texts_{kTexts, kMaxQueued, "texts"};
  OffloadPool runs_{kRuns, kMaxQueuedRuns, "runs"};
  OffloadPool quick_{kQuick, kMaxQueued, "quick"};
  OffloadPool pulls_{kPulls, kMaxQueued, "pulls"};
  TaskGroup jobs_;  // Uses the pools.
};

}  // namespace accel::server
