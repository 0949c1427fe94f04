// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who sent a request, and whether its key's limits let it in: one call at the head of every route.
// What a caller may then do is asked by Node::call(). Refusals are told in the words of the
// protocol that was spoken. Used by ApiServer on its loop; once a second Gate looks at a file.

#include <memory>
#include <optional>
#include <string>

#include "accel/core/trace.hpp"
#include "accel/net/access.hpp"
#include "accel/net/message.hpp"
#include "accel/node/node.hpp"
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

  // A request that was let in counts until this is destroyed.
  struct Ticket;
  struct Entry {
    Visitor visitor;
    std::shared_ptr<Ticket> ticket;  // Owners: the request's handler, then the body it streams.
    std::optional<net::HttpResponse> refusal;
  };
  Entry enter(const net::HttpRequest& request);
  // Says in the answer's head what of the key's limits is left, and holds the ticket while its body
  // is sent.
  static void leave(Entry& entry, net::HttpResponse& response);

 private:
  security::Shares* places_for(const net::HttpRequest& request);

  security::Gate& gate_;
  net::AllowedHosts hosts_;
  security::Shares texts_, runs_, methods_;
};

// Of a refusal that no handler has seen, in the words of the protocol of its path.
net::HttpResponse refusal_for(const net::HttpRequest& request, const security::Refusal& refusal);

}  // namespace accel::server
