// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who sent a request, and whether its key's limits let it in: one call at the head of every route.
// What a caller may then do is asked by Node::call(). Refusals are told in the words of the
// protocol that was spoken. Used by ApiServer on its loop; once a second Gate looks at a file.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "accel/core/trace.hpp"
#include "accel/net/access.hpp"
#include "accel/net/message.hpp"
#include "accel/node/node.hpp"
#include "accel/security/byte_shares.hpp"
#include "accel/security/gate.hpp"
#include "accel/security/shares.hpp"

namespace accel::server {

// A stranger has come without a credential that counts; `why` says so to what takes one.
struct Visitor {
  node::Caller caller;
  Error why{};
  trace::LinkPtr trace{};  // Of the request's span; null: nobody traces it.

  bool is_known() const { return caller.role != security::Role::stranger; }
  Status known() const { return is_known() ? Status{} : Status(fail(Error(why))); }
  // Errors: unauthenticated, permission_denied.
  Status needs(security::Role least, std::string_view what) const;
};

// How many requests of keys are let in at a time; of each kind one key has its share.
struct Places {
  std::size_t texts;
  std::size_t runs;     // Other requests of the protocols.
  std::size_t methods;  // Of the API's own, and of Kubo's.
};

class Access {
 public:
  // `gate` must outlive it.
  Access(security::Gate& gate, net::AllowedHosts hosts, Places places);

  // Host and Origin, of requests over TCP. Errors: as net::check_host_and_origin().
  Status check_host(const net::HttpRequest& head) const;
  Visitor visitor(const net::HttpRequest& head) const;

  // Of all bodies that come over TCP, until their requests are answered; of a sink's none.
  static constexpr std::uint64_t kMaxHeldBytes = 512U << 20U;
  static constexpr std::uint64_t kLargeBody = 64U << 10U;

  // A request that was let in counts until this is destroyed.
  struct Ticket;
  class CountedSink;
  struct Entry {
    Visitor visitor;
    std::shared_ptr<Ticket> ticket;  // Owners: the request's handler, then the body it streams.
    std::optional<net::HttpResponse> refusal;
  };
  Entry enter(net::HttpRequest& request);
  // The same before a body is read that a sink takes: what a key may not send is not written
  // anywhere. enter() finds the ticket in the sink. Errors: resource_exhausted, and those of
  // `open`.
  using OpenSink =
      std::function<Result<std::shared_ptr<net::RequestSink>>(const net::HttpRequest&)>;
  Result<std::shared_ptr<net::RequestSink>> open_counted(const net::HttpRequest& head,
                                                         const OpenSink& open);
  // Whether a key that has used up its limits is about to send a large body: it is not read then.
  // Errors: resource_exhausted.
  static Status check_large(const net::HttpRequest& head, const Visitor& visitor);
  // Counts a body among those that are held; null for the owner of the home.
  std::shared_ptr<net::HeldBody> hold_body(const net::HttpRequest& head);
  // When a request that open_counted() refused may come again.
  std::uint64_t seconds_to_wait(const net::HttpRequest& head) const;
  // Says in the answer's head what of the key's limits is left, and holds the ticket while its body
  // is sent.
  static void leave(Entry& entry, net::HttpResponse& response);

 private:
  class HeldShare;
  security::Shares* places_for(const net::HttpRequest& request);
  std::optional<security::Refusal> take_ticket(const net::HttpRequest& request, Entry& entry);

  security::Gate& gate_;
  net::AllowedHosts hosts_;
  security::Shares texts_, runs_, methods_;
  security::ByteShares bodies_{kMaxHeldBytes};
};

// {"error":{"code","message","cause"}}, the shape of all errors of the API's own routes.
net::HttpResponse api_error(int status, const Error& error);
net::HttpResponse api_error(const Error& error);
// What the HTTP/1.1 server refuses by itself, in the words of the protocol of its path; gRPC is not
// spoken there.
net::HttpResponse in_words_of(const net::HttpRequest& head, net::HttpResponse refusal,
                              std::optional<Errc> why);
// Of a refusal that no handler has seen, in the words of the protocol of its path.
net::HttpResponse refusal_for(const net::HttpRequest& request, const security::Refusal& refusal);

}  // namespace accel::server
