// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who may talk to an API that listens on TCP: the Host and Origin checks against DNS rebinding and
// foreign pages, and the bearer token. Used by node and server in front of their routes; a public
// gateway of public content does not need them. Pure functions. Why: a browser lets any page send
// requests to 127.0.0.1, and a page whose name was rebound to 127.0.0.1 can even read the answers;
// both betray themselves by their Host or Origin header.

#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"
#include "accel/net/message.hpp"

namespace accel::net {

// Loopback names and addresses (localhost, 127.0.0.0/8, ::1) are always allowed as Host.
struct AllowedHosts {
  std::vector<std::string> hosts;  // More host names or addresses, without port.
  std::vector<std::string>
      origins;  // Origins of pages that may call, "https://app.example" as browsers send them.
};

// A request over a Unix socket passes. Over TCP the Host must be allowed, and an Origin, if there
// is one, must be the same host and port as Host, or listed. Errors: permission_denied (what was
// sent and where to allow it); invalid_argument (no or two Host headers).
Status check_host_and_origin(const HttpRequest& request, const AllowedHosts& allowed);

// True for localhost, *.localhost, 127.0.0.0/8 and ::1 (with or without brackets).
bool is_loopback_host(std::string_view host);

// What "Authorization: Bearer <token>" carries; it borrows from the request.
// Errors: unauthenticated (there is none, or several).
Result<std::string_view> bearer_token(const HttpRequest& request);

}  // namespace accel::net
