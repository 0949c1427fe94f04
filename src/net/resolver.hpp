// SPDX-License-Identifier: Apache-2.0
#pragma once
// Addresses of a host. Numbers and "localhost" need no lookup; names are looked up on Asio's
// resolver thread, which can't be interrupted: a wait that is over leaves it behind. Used by
// Connector.

#include <boost/asio/generic/stream_protocol.hpp>
#include <vector>

#include "accel/net/url.hpp"
#include "call_guard.hpp"

namespace accel::net {

inline constexpr std::size_t kMaxAddresses = 8;  // Tried one after the other.

using SocketAddress = asio::generic::stream_protocol::endpoint;

// True for what ends on this machine whoever asks: loopback, and the unspecified address, which the
// kernel takes for it; each also as an IPv6 address that stands for an IPv4 one. Of a Unix socket
// too.
bool is_local_address(const SocketAddress& address);

// Errors: unavailable (no such name, resolver broken), invalid_argument (a socket's path), and
// those of the guard.
Task<std::vector<SocketAddress>> resolve(Url url, CallGuard& guard);

}  // namespace accel::net
