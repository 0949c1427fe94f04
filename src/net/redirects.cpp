// SPDX-License-Identifier: Apache-2.0
#include "redirects.hpp"

#include <algorithm>

#include "accel/net/access.hpp"

namespace accel::net {

bool is_redirect(int status, std::string_view method, const Headers& headers) {
  const bool code =
      status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  return code && (method == "GET" || method == "HEAD") && headers.has("Location");
}

bool keeps_credentials(const Url& from, const Url& to) { return from.origin() == to.origin(); }

RedirectChain::RedirectChain(Url first, int max_redirects)
    : max_(static_cast<std::size_t>(std::max(max_redirects, 0))) {
  seen_.push_back(std::move(first));
}

std::string RedirectChain::trail() const {
  std::string text;
  for (const Url& url : seen_) text += url.to_string() + " -> ";
  return text;
}

Result<Url> RedirectChain::follow(std::string_view location) {
  const Url& from = seen_.back();
  auto next = resolve_reference(from, location);
  if (!next) {
    return fail(
        Error{Errc::protocol, "it redirects to a place that is no URL", next.error().message});
  }
  if (std::ranges::find(seen_, *next) != seen_.end()) {
    return fail(Errc::protocol, "its redirects form a loop: {}{}", trail(), next->to_string());
  }
  if (seen_.size() > max_) {
    return fail(Errc::protocol, "it redirects more than {} times: {}{}", max_, trail(),
                next->to_string());
  }
  if (from.scheme == "https" && next->scheme == "http") {
    return fail(Errc::protocol, "it redirects from https to plain http: {}", next->to_string());
  }
  const bool from_here = from.scheme == "unix" || is_loopback_host(from.host);
  if (!from_here && is_loopback_host(next->host)) {
    return fail(Errc::protocol, "it redirects to this machine itself: {}", next->to_string());
  }
  seen_.push_back(*next);
  return next;
}

}  // namespace accel::net
