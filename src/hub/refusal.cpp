// SPDX-License-Identifier: Apache-2.0
#include "refusal.hpp"

#include <algorithm>

namespace accel::hub {

std::string without_queries(std::string text) {
  for (std::size_t at = text.find('?'); at != text.npos; at = text.find('?', at + 1)) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    text.replace(at + 1, end - at - 1, "…");
  }
  return text;
}

Error refusal_of(const net::HttpReply& reply, const std::string& what, bool had_token) {
  Error error = net::reply_error(reply);
  error.message = without_queries(std::move(error.message));
  if (reply.status == 401 || reply.status == 403) {
    error.message = fmt::format(
        "The hub refuses {}: {} {}", what, error.message,
        had_token ? "The token has no access to it, or its terms have not been accepted."
                  : "It does not exist, or it needs a token: set HF_TOKEN or models.hf_token.");
  } else if (reply.status == 404) {
    error.message = fmt::format("The hub has no {}: {}", what, error.message);
  }
  return error;
}

}  // namespace accel::hub
