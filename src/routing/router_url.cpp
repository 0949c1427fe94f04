// SPDX-License-Identifier: Apache-2.0
#include "router_url.hpp"

namespace accel::routing {

Result<net::Url> router_url(const std::string& text) {
  ACCEL_TRY(net::Url url, net::parse_url(text));
  if (!url.query.empty()) {
    return fail(Errc::invalid_argument,
                "The router {} has a query; name it alone, as http://host:port.", text);
  }
  while (url.path.ends_with('/')) url.path.pop_back();
  return url;
}

}  // namespace accel::routing
