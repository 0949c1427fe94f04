// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the values of settings must be beyond their type. The first group only looks at the value,
// so it also judges configuration files; check_before_setting() is for `config set` alone. Private
// to node: settings.cpp. Plain functions; errors: invalid_argument where no others are named.

#include <string>

#include "accel/core/config.hpp"

namespace accel::node {

Status check_peers(const ConfigValue& list);
Status check_peers_or_any(const ConfigValue& list);  // "any" may be among them.
Status check_addresses(const ConfigValue& list);     // Multiaddresses.
Status check_endpoint(const ConfigValue& text);      // HOST:PORT or empty.
Status check_url(const ConfigValue& text);
Status check_url_or_none(const ConfigValue& text);  // Or empty.
Status check_urls(const ConfigValue& list);
Status check_hosts(const ConfigValue& list);        // Names or addresses without port.
Status check_known_hosts(const ConfigValue& list);  // NAME=subdomain or NAME=path.
Status check_dnslinks(const ConfigValue& list);     // DOMAIN:/ipfs/CID.

// Whether the files that a value names are as they should be, and addresses of peers name a peer.
// A file that is not there later must not keep a home from being repaired, and what an older
// version let into a file is only warned of. Errors: those of reading the file, too.
Status check_before_setting(const ConfigKey& key, const std::string& text);

}  // namespace accel::node
