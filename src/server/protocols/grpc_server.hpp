// SPDX-License-Identifier: Apache-2.0
#pragma once
// The methods of api/inference.proto over HTTP/2: gRPC without a gRPC library. Used by ApiServer,
// whose listeners' HTTP/2 it rides on (docs/design/0005-grpc.md). Access and limits are REST's;
// inference runs on ProtocolServer's pools, so that both protocols share one admission. Threads:
// handle() on the server's executor; it never blocks.

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "accel/security/byte_shares.hpp"
#include "protocols/oip_grpc.hpp"
#include "protocols/protocol_server.hpp"

namespace accel::server {

class GrpcServer {
 public:
  static constexpr std::size_t kMaxMessage = 32U << 20U;     // As a body over REST.
  static constexpr std::size_t kMaxOpenMessage = 4U << 10U;  // Of calls without the token.
  // Of all messages that wait; a caller has its share (security::ByteShares).
  static constexpr std::size_t kMaxHeld = 256U << 20U;
  // Of each call a window of 256 KiB may wait unread, besides those messages: as much again.
  static constexpr std::size_t kMaxCalls = 1024;
  static constexpr std::size_t kMaxStrangers = 64;                     // Calls without a key.
  static constexpr Duration kStrangerTime = std::chrono::seconds(3);   // For their whole message.
  static constexpr Duration kFirstMessage = std::chrono::seconds(30);  // Until it begins.
  static constexpr Duration kMessageTime = std::chrono::minutes(2);    // From its first byte.
  static constexpr Duration kStreamIdle = std::chrono::minutes(10);    // Between two messages.

  // `methods` must outlive it.
  // `known` says whether a credential still counts: it is asked again at each message of a stream.
  using Known = std::function<Status(std::string_view credential)>;
  GrpcServer(ProtocolServer& methods, Known known) : methods_(methods), known_(std::move(known)) {}

  static bool serves(std::string_view path);
  // Whether a head belongs here and its body is read while it comes.
  static bool is_live(const net::HttpRequest& head);
  // Asked before the body is read. Errors: invalid_argument (it is not live), unauthenticated.
  static Status admit(const net::HttpRequest& head, const Visitor& visitor);
  // Errors: the call's, which ServerOptions::shape tells the client by grpc::refusal_of().
  Task<net::HttpResponse> handle(net::HttpRequest request, std::stop_token stop, Visitor visitor);
  // Calls that wait for a message that has not begun end. Before the listeners stop, which let
  // requests finish and would wait for them. From any thread.
  void stop() { stopping_.request_stop(); }

 private:
  struct Call;
  class Incoming;
  class Running;

  static bool is_stranger(const Call& call);
  Task<net::HttpResponse> start(net::HttpRequest request, std::stop_token stop, Visitor visitor);
  Task<net::HttpResponse> unary(Call call);
  net::HttpResponse stream(Call call);
  Task<void> converse(Call call, std::shared_ptr<net::Headers> trailers, net::BodyWriter& writer);
  Task<void> talk(Call call, net::BodyWriter& writer);
  // These: `call` is of the awaiter.
  Task<nlohmann::json> answer(const Call& call, nlohmann::json message);
  Task<nlohmann::json> infer(const Call& call, oip::InferCall infer);
  Task<nlohmann::json> run(const Call& call, MethodRequest request);

  ProtocolServer& methods_;
  Known known_;
  security::ByteShares held_{kMaxHeld};    // Bytes of messages that wait.
  std::atomic<std::size_t> calls_{0};      // That run with a key.
  std::atomic<std::size_t> strangers_{0};  // The same, without one.
  std::stop_source stopping_;
};

}  // namespace accel::server
