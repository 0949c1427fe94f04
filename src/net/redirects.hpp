// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which redirects the client follows. Pure: it sees statuses and URLs, HttpClient does the rest.

#include <string_view>
#include <vector>

#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"

namespace accel::net {

// 301, 302, 303, 307 and 308 with a Location, for a method that changes nothing.
bool is_redirect(int status, std::string_view method, const Headers& headers);

// A server must not learn what was meant for another one.
bool keeps_credentials(const Url& from, const Url& to);

class RedirectChain {
 public:
  RedirectChain(Url first, int max_redirects);
  // Errors: protocol with the chain in the message: a loop, too many, a Location that is no URL,
  // https to http, from the network to a name of this machine's loopback or a Unix socket (what
  // other names resolve to is the Connector's to check: Reach).
  Result<Url> follow(std::string_view location);

 private:
  std::string trail() const;

  std::vector<Url> seen_;
  std::size_t max_;
};

}  // namespace accel::net
