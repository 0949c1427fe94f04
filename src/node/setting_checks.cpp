// SPDX-License-Identifier: Apache-2.0
#include "setting_checks.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "accel/gateway/gateway.hpp"
#include "accel/ipld/multiaddr.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/swarm_key.hpp"
#include "accel/net/endpoint.hpp"
#include "accel/net/url.hpp"

namespace accel::node {
namespace {

// Whether each item of a list can be parsed; the first that can't says why.
template <class Parse>
Status check_each(const ConfigValue& list, const Parse& parse) {
  for (const std::string& text : std::get<ConfigList>(list)) {
    const auto parsed = parse(text);
    if (!parsed) return fail(Error(parsed.error()));
  }
  return {};
}

Result<ipld::Multiaddr> parse_peer_address(const std::string& text) {
  ACCEL_TRY(ipld::Multiaddr address, ipld::Multiaddr::parse(text));
  if (address.peer_id()) return address;
  return fail(Errc::invalid_argument, "{} names no peer; it should end in /p2p/ID.", text);
}

Status check_swarm_key(const std::string& file) {
  const auto read = libp2p::load_swarm_key(file);
  if (read) return {};
  return fail(Error{read.error().code,
                    fmt::format("swarm.psk can't be {}: {}", file, read.error().message),
                    read.error().cause});
}

// Logs that can't be written would stop every command. Folders on the way to them are made.
Status check_log_file(const std::string& file) {
  std::error_code ignored;
  std::filesystem::path there = std::filesystem::absolute(file, ignored);
  bool fits = std::filesystem::is_regular_file(there, ignored);
  if (!std::filesystem::exists(there, ignored)) {
    while (there.has_relative_path() && !std::filesystem::exists(there, ignored)) {
      there = there.parent_path();
    }
    fits = std::filesystem::is_directory(there, ignored);
  }
  if (fits && ::access(there.c_str(), W_OK) == 0) return {};
  return fail(Errc::invalid_argument,
              "logging.file can't be {}: no file can be written there; name another.", file);
}

Status check_readable(const std::string& key, const std::string& file) {
  if (::access(file.c_str(), R_OK) == 0) return {};
  return fail(Errc::not_found, "{} can't be {}: there is no such file that can be read.", key,
              file);
}

}  // namespace

Status check_peers(const ConfigValue& list) { return check_each(list, ipld::PeerId::parse); }

Status check_peers_or_any(const ConfigValue& list) {
  ConfigList peers = std::get<ConfigList>(list);
  std::erase(peers, "any");
  return check_peers(peers);
}

Status check_addresses(const ConfigValue& list) { return check_each(list, ipld::Multiaddr::parse); }

Status check_endpoint(const ConfigValue& text) {
  const auto& endpoint = std::get<std::string>(text);
  if (endpoint.empty()) return {};
  const auto parsed = net::parse_endpoint(endpoint);
  return parsed ? Status{} : Status(fail(Error(parsed.error())));
}

Status check_url(const ConfigValue& text) {
  return check_urls(ConfigList{std::get<std::string>(text)});
}

Status check_url_or_none(const ConfigValue& text) {
  return std::get<std::string>(text).empty() ? Status{} : check_url(text);
}

Status check_urls(const ConfigValue& list) { return check_each(list, net::parse_url); }

Status check_hosts(const ConfigValue& list) {
  for (const std::string& host : std::get<ConfigList>(list)) {
    const bool v6 = host.find(':') != std::string::npos && !host.starts_with('[');
    const auto url = net::parse_url(v6 ? "http://[" + host + "]" : "http://" + host);
    if (url && host.find_first_of("/?#@") == std::string::npos && url->authority() == url->host)
      continue;
    return fail(Errc::invalid_argument,
                "\"{}\" is no host: name or address alone, without scheme and port.", host);
  }
  return {};
}

Status check_known_hosts(const ConfigValue& list) {
  return check_each(list, gateway::parse_known_host);
}

Status check_dnslinks(const ConfigValue& list) {
  const auto parsed = gateway::parse_dnslinks(std::get<ConfigList>(list));
  return parsed ? Status{} : Status(fail(Error(parsed.error())));
}

Status check_before_setting(const ConfigKey& key, const std::string& text) {
  if (text.empty()) return {};
  if (key.name == "swarm.psk") return check_swarm_key(text);
  if (key.name == "logging.file") return check_log_file(text);
  constexpr std::array kFiles{"api.client_ca", "api.tls_certificate", "api.tls_key",
                              "gateway.tls_certificate", "gateway.tls_key"};
  if (std::ranges::find(kFiles, key.name) != kFiles.end()) return check_readable(key.name, text);
  if (key.name != "swarm.bootstrap" && key.name != "swarm.peering") return {};
  ACCEL_TRY(const ConfigValue list, parse_config_value(key, text));
  const Status checked = check_each(list, parse_peer_address);
  if (checked) return {};
  return fail(Error{checked.error().code, key.name + ": " + checked.error().message, {}});
}

}  // namespace accel::node
