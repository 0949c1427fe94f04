// SPDX-License-Identifier: Apache-2.0
#pragma once
// Multiaddrs of HTTP servers as URLs and back, and how far an address can lead. Used by the client
// of delegated routing, by gateway and node. Pure functions over text from strangers. Spec:
// multiformats/multiaddr (ip4, ip6, dns, dns4, dns6, tcp, tls, sni, http, https, http-path, p2p).

#include <string>
#include <string_view>

#include "accel/core/result.hpp"
#include "accel/net/url.hpp"

namespace accel::routing {

inline constexpr std::size_t kMaxAddressBytes = 512;

// "/ip4/127.0.0.1/tcp/8080/http", "/dns4/host/tcp/443/tls/http", "/dns/host/tcp/443/https", each
// with /http-path/… and /p2p/… behind it. Errors: invalid_argument (it leads to no HTTP server; an
// sni that is not the host).
Result<net::Url> url_of_multiaddr(std::string_view text);
// The same backwards, https as /tls/http. Errors: invalid_argument (a Unix socket, a query, too
// long for url_of_multiaddr()).
Result<std::string> multiaddr_of_url(const net::Url& url);

// Who can reach a host of a URL, as far as its text says: a name that looks public may still
// resolve to anything.
enum class Reach { machine, site, everyone };
Reach reach_of_host(std::string_view host);
// Of any multiaddr, HTTP or not, by its first host.
Reach reach_of_multiaddr(std::string_view text);
// Whether somebody at `from` may name an address at `to`: never one that is nearer to us than he
// is, for that would send us where he can't go himself.
bool may_name(Reach from, Reach to);

}  // namespace accel::routing
