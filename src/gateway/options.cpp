// SPDX-License-Identifier: Apache-2.0
// What people write into the configuration.
#include "accel/gateway/gateway.hpp"
#include "accel/net/headers.hpp"

namespace accel::gateway {

Result<KnownHost> parse_known_host(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string name = net::to_lower_ascii(net::trim_blanks(text.substr(0, equals)));
  const std::string_view mode =
      equals == std::string_view::npos ? "" : net::trim_blanks(text.substr(equals + 1));
  const bool known = mode == "subdomain" || mode == "path";
  if (name.empty() || !known || name.find_first_of(":/ ") != std::string::npos) {
    return fail(Errc::invalid_argument,
                "\"{}\" is no host of a gateway; write NAME=subdomain or NAME=path, without port.",
                text);
  }
  return KnownHost{name, mode == "subdomain"};
}

Result<DnsLinks> parse_dnslinks(const std::vector<std::string>& items) {
  DnsLinks links;
  for (const std::string& item : items) {
    const std::size_t colon = item.find(':');
    const std::string domain =
        net::to_lower_ascii(net::trim_blanks(std::string_view(item).substr(0, colon)));
    const std::string target = colon == std::string::npos ? std::string() : item.substr(colon + 1);
    const bool leads_on = target.starts_with("/ipfs/") || target.starts_with("/ipns/");
    if (domain.empty() || domain.find('/') != std::string::npos || !leads_on) {
      return fail(Errc::invalid_argument,
                  "\"{}\" is no DNSLink; write DOMAIN:/ipfs/CID or DOMAIN:/ipns/NAME.", item);
    }
    links[domain] = target;
  }
  return links;
}

}  // namespace accel::gateway
