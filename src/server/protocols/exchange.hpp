// SPDX-License-Identifier: Apache-2.0
#pragma once
// One exchange of ProtocolServer, and what the answers of its protocols have in common. Private to
// protocol_server.cpp and the exchanges of each protocol (openai_exchange.cpp, ollama_exchange.cpp,
// oip_exchange.cpp).

#include <optional>
#include <string>

#include "protocols/protocol_server.hpp"
#include "protocols/routes.hpp"

namespace accel::server {

struct ProtocolServer::Call {
  const Route* route = nullptr;
  std::string model;  // Of the path.
  nlohmann::json body;
  std::string text;  // The body as it came, for forms and the order of a schema's members.
  std::string content_type;
  std::string client;
  node::Caller caller;
  trace::LinkPtr trace;
  Deadline deadline;     // Of its header.
  bool explain = false;  // Why it was batched as it was.
  std::optional<Priority> priority;
  std::string via;  // The nodes that it came through.
  std::stop_token stop;

  // Makes a method a part of this exchange.
  void join(MethodRequest& request) const {
    request.trace = trace;
    request.deadline = deadline;
    if (priority && runs_model(request.method) && !request.params.contains("priority"))
      request.params["priority"] = *priority;
    if (!via.empty() && runs_model(request.method)) request.params["via"] = via;
  }
  // What a method that batches is told besides.
  void tell(MethodRequest& request) const {
    request.params["client"] = client;
    if (explain) request.params["explain"] = true;
  }
  // The answer to "explain", as a member that the protocols do not know and their clients ignore.
  void explain_in(nlohmann::json& reply, const nlohmann::json& result) const {
    if (!explain) return;
    reply["explain"] = explanation(result);
  }
};

net::HttpResponse json_reply(const nlohmann::json& body, int status = 200);
// How much of a result was known before: texts of an embedding, or all that infer gives.
std::uint64_t known_of(const nlohmann::json& result);
net::HttpResponse with_known(net::HttpResponse response, std::uint64_t known);
// Of a result of `run`: a device failed, and the CPU computed this. As an RFC 8941 dictionary.
net::HttpResponse with_fallback(net::HttpResponse response, const nlohmann::json& result);
// Of the request's body, now.
ReplyFacts facts_of(const nlohmann::json& body);

}  // namespace accel::server
