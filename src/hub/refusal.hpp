// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a hub's refusal means, as a sentence that says what to do. Private to hub.

#include <string>

#include "accel/hub/s3.hpp"
#include "accel/net/http_client.hpp"

namespace accel::hub {

Error refusal_of(const net::HttpReply& reply, const std::string& what, bool had_token);

// Of S3, from the Code and Message of its answer; all else that it says, which may repeat what was
// signed, is left out.
Error s3_refusal_of(const net::HttpReply& reply, const std::string& what, const S3Access& access);

// Addresses that a hub redirects to carry signatures in their queries: they stay out of messages.
std::string without_queries(std::string text);

}  // namespace accel::hub
