// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content roots as labels of host names; pure. Spec: subdomain-gateway.md ("Host (request
// header)"), RFC 1035 (63 characters).

#include <string>
#include <string_view>

#include "gateway_request.hpp"

namespace accel::gateway {

inline constexpr std::size_t kMaxDnsLabel = 63;

// The label that stands for a root as it was written: a CIDv1 in base32, or in base36 where only
// that fits; for names the key in base36, or the domain inlined.
tl::expected<std::string, Refused> dns_label(Namespace space, std::string_view root);

// "en.wikipedia-on-ipfs.org" <-> "en-wikipedia--on--ipfs-org".
std::string inline_domain(std::string_view domain);
std::string uninline_domain(std::string_view label);

}  // namespace accel::gateway
