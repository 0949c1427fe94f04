// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lines that lead to a daemon's API: what `daemon` and `dashboard` print.

#include <string>

#include "accel/node/home.hpp"

namespace accel::cli {

// The page of an API that listens at `api`; of one that listens at every address, that of this
// machine, since the API answers to loopback names alone.
std::string page_url(const std::string& api);

// A command line that asks the API something: over TCP with the token, which the shell reads from
// its file, or without `api` over the home's socket.
std::string curl_line(const std::string& api, const node::Home& home);

}  // namespace accel::cli
