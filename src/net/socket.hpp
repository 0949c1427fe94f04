// SPDX-License-Identifier: Apache-2.0
#pragma once
// One socket type for TCP and Unix sockets, so that nothing above it is a template.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "accel/core/async/task.hpp"

namespace accel::net {

using Socket = asio::generic::stream_protocol::socket;

// Errors as values: co_await returns std::tuple<error_code, …>.
inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

// Small writes go out at once; requests and replies are written whole. No effect on Unix sockets.
void set_no_delay(Socket& socket);

}  // namespace accel::net
