// SPDX-License-Identifier: Apache-2.0
#include "host_router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "accel/ipld/ipns_name.hpp"
#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"
#include "dns_label.hpp"
#include "path_text.hpp"
#include "routing_answers.hpp"

namespace accel::gateway {
namespace {

constexpr std::size_t kMaxHostBytes = 1024;  // Labels that are too long get a sentence, too.

struct Host {
  std::string with_port;
  std::string name;
};

// Only what can stand in a host and port: nothing else gets into a header or a page.
bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == ':' || c == '[' || c == ']';
}

// Only a reverse proxy on this machine is believed: from others the header would write the targets
// of redirects into shared caches.
bool is_from_proxy(const net::HttpRequest& request) {
  return request.over_unix_socket || request.remote.starts_with("127.") ||
         request.remote.starts_with("[::1]");
}

Host host_of(const net::HttpRequest& request) {
  std::string_view text = request.headers.get_or("Host", "");
  const auto forwarded = request.headers.get("X-Forwarded-Host");
  if (forwarded && is_from_proxy(request)) {
    text = net::trim_blanks(forwarded->substr(0, forwarded->find(',')));
  }
  if (text.size() > kMaxHostBytes || !std::ranges::all_of(text, is_host_char)) return {};
  Host host{std::string(text), std::string(text)};
  const std::size_t colon = text.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        text.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
  if (has_port) host.name.resize(colon);
  return host;
}

std::string scheme_of(const net::HttpRequest& request) {
  const bool https = request.headers.get_or("X-Forwarded-Proto", "") == "https";
  return https && is_from_proxy(request) ? "https" : "http";
}

const KnownHost* find_host(const HostRules& rules, std::string_view name) {
  const auto same = [name](const KnownHost& known) {
    return net::equals_ignoring_case(known.name, name);
  };
  const auto found = std::ranges::find_if(rules.hosts, same);
  return found == rules.hosts.end() ? nullptr : &*found;
}

// {label}.{ipfs|ipns}.{gateway}
struct Subdomain {
  std::string label;  // With dots for domains.
  Namespace space = Namespace::ipfs;
  std::string gateway;  // With port.
};

std::optional<Subdomain> split_subdomain(const HostRules& rules, const Host& host) {
  const std::string lower = net::to_lower_ascii(host.name);
  for (const KnownHost& known : rules.hosts) {
    if (!known.subdomains || !lower.ends_with("." + known.name)) continue;
    const std::size_t end = lower.size() - known.name.size() - 1;
    const std::size_t dot = lower.rfind('.', end - 1);
    if (dot == std::string::npos || dot == 0 || end == 0) continue;
    const std::string space = lower.substr(dot + 1, end - dot - 1);
    if (space != "ipfs" && space != "ipns") continue;
    return Subdomain{host.name.substr(0, dot), space == "ipfs" ? Namespace::ipfs : Namespace::ipns,
                     host.with_port.substr(end + 1)};
  }
  return std::nullopt;
}

bool is_domain(const Host& host) {
  const std::size_t dot = host.name.rfind('.');
  if (dot == std::string::npos || host.name.find(':') != std::string::npos) return false;
  return host.name.find_first_not_of("0123456789.", 0) != std::string::npos;
}

class Router {
 public:
  Router(const net::HttpRequest& request, const HostRules& rules)
      : request_(request), rules_(rules), host_(host_of(request)) {}

  const Host& host() const { return host_; }

  Routed run() {
    auto segments = net::split_path(request_.path);
    if (!segments) return Refused{400, segments.error().message};
    segments_ = std::move(*segments);
    trailing_slash_ = request_.path.ends_with('/');
    if (segments_.size() > rules_.max_segments + 2) {
      return Refused{400, fmt::format("The path has more than {} names.", rules_.max_segments + 2)};
    }
    if (const KnownHost* known = find_host(rules_, host_.name)) {
      return known->subdomains ? to_subdomain() : by_path();
    }
    if (const auto subdomain = split_subdomain(rules_, host_)) return by_subdomain(*subdomain);
    if (is_domain(host_)) {
      const std::string domain = net::to_lower_ascii(host_.name);
      if (rules_.has_dnslink(domain)) return all_below(Namespace::ipns, domain, Mount::dnslink);
    }
    return by_path();
  }

 private:
  // The host stands for the root, the whole path lies below it.
  Route all_below(Namespace space, std::string root, Mount mount) const {
    return Route{space, std::move(root), segments_, trailing_slash_, mount, host_.with_port};
  }

  std::optional<Namespace> space_of_path() const {
    if (segments_.empty()) return std::nullopt;
    if (segments_.front() == "ipfs") return Namespace::ipfs;
    if (segments_.front() == "ipns") return Namespace::ipns;
    return std::nullopt;
  }

  Routed by_path() const {
    if (rules_.routes && is_routing_path(segments_)) {
      return RoutingPath{{segments_.begin() + 2, segments_.end()}};
    }
    const auto space = space_of_path();
    if (!space) return Refused{404, "This gateway serves paths that begin with /ipfs/ or /ipns/."};
    if (segments_.size() < 2) return of_uri();
    Route route{*space, segments_[1], {}, trailing_slash_, Mount::path, {}};
    route.path.assign(segments_.begin() + 2, segments_.end());
    if (*space == Namespace::ipns) {
      const auto name = ipld::IpnsName::parse(route.root);
      if (name && name->to_string() != route.root) {
        return Redirect{302, "/ipns/" + name->to_string() + rest()};
      }
    }
    return route;
  }

  // Below the root: path, slash and query as the client wrote them, newly encoded.
  std::string rest() const {
    const std::vector<std::string> names(segments_.begin() + 2, segments_.end());
    std::string text = encode_path(names);
    if (trailing_slash_ || names.empty()) text += '/';
    if (!request_.query.empty()) text += "?" + request_.query;
    return text;
  }

  // /ipfs/?uri=ipfs://…, as browsers call a handler of the ipfs: scheme.
  Routed of_uri() const {
    const std::string uri = net::query_value(request_.query, "uri").value_or("");
    for (const Namespace space : {Namespace::ipfs, Namespace::ipns}) {
      const std::string scheme = fmt::format("{}://", namespace_name(space));
      if (!uri.starts_with(scheme)) continue;
      const std::size_t end = std::min(uri.find_first_of("?#"), uri.size());
      const auto names =
          net::split_path(std::string_view(uri).substr(scheme.size(), end - scheme.size()));
      if (!names || names->empty()) break;
      return Redirect{301, fmt::format("/{}{}", namespace_name(space), encode_path(*names))};
    }
    return Refused{400, "The path names no CID; write /ipfs/{cid}."};
  }

  // A path on a host that gives each root its own origin: the client is sent there. What verifies
  // itself needs no origin, and tools that fetch it no detour.
  Routed to_subdomain() const {
    const auto space = space_of_path();
    const auto wanted = read_wanted(request_);
    if (!space || segments_.size() < 2 || (wanted && is_trustless(wanted->format))) {
      return by_path();
    }
    const auto label = dns_label(*space, segments_[1]);
    if (!label) return label.error();
    return Redirect{301, fmt::format("{}://{}.{}.{}{}", scheme_of(request_), *label,
                                     namespace_name(*space), host_.with_port, rest())};
  }

  Routed by_subdomain(const Subdomain& at) const {
    Route route{at.space, at.label, segments_, trailing_slash_, Mount::subdomain, at.gateway};
    auto cid = ipld::Cid::parse(at.label);
    if (!cid) cid = ipld::Cid::parse(net::to_lower_ascii(at.label));
    if (cid || at.space == Namespace::ipfs) {
      const auto label = dns_label(at.space, cid ? cid->to_string() : at.label);
      if (!label) return label.error();
      if (!net::equals_ignoring_case(*label, at.label)) return moved(*label, at);
      route.root = *label;
      return route;
    }
    route.root = net::to_lower_ascii(at.label);
    if (route.root.find('.') == std::string::npos) route.root = uninline_domain(route.root);
    return route;
  }

  // To the canonical spelling of the same root.
  Redirect moved(const std::string& label, const Subdomain& at) const {
    std::string path = encode_path(segments_);
    if (trailing_slash_ || path.empty()) path += '/';
    if (!request_.query.empty()) path += "?" + request_.query;
    return {301, fmt::format("{}://{}.{}.{}{}", scheme_of(request_), label,
                             namespace_name(at.space), at.gateway, path)};
  }

  const net::HttpRequest& request_;
  const HostRules& rules_;
  Host host_;
  std::vector<std::string> segments_;
  bool trailing_slash_ = false;
};

}  // namespace

Routed route_request(const net::HttpRequest& request, const HostRules& rules) {
  return Router(request, rules).run();
}

bool may_be_dnslink(const net::HttpRequest& request, const HostRules& rules) {
  const Host host = host_of(request);
  return is_domain(host) && find_host(rules, host.name) == nullptr && !split_subdomain(rules, host);
}

bool is_path_host(const net::HttpRequest& request, const std::vector<KnownHost>& hosts) {
  const Host host = host_of(request);
  const HostRules rules{hosts, 0, {}};
  if (find_host(rules, host.name) != nullptr) return true;
  return !is_domain(host) && !split_subdomain(rules, host);
}

}  // namespace accel::gateway
