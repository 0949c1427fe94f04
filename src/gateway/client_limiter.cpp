// SPDX-License-Identifier: Apache-2.0
#include "client_limiter.hpp"

#include <arpa/inet.h>

#include <array>

namespace accel::gateway {
namespace {

bool is_loopback(const in6_addr& address) {
  static constexpr in6_addr kLoopback = IN6ADDR_LOOPBACK_INIT;
  if (IN6_ARE_ADDR_EQUAL(&address, &kLoopback)) return true;
  return IN6_IS_ADDR_V4MAPPED(&address) && address.s6_addr[12] == 127;
}

}  // namespace

std::string client_of(std::string_view remote) {
  const std::size_t colon = remote.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::string host(remote.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.starts_with("127.")) return {};
  in6_addr address{};
  if (::inet_pton(AF_INET6, host.c_str(), &address) != 1) return host;
  if (is_loopback(address)) return {};
  if (IN6_IS_ADDR_V4MAPPED(&address)) return host;
  for (std::size_t i = 8; i < 16; ++i) address.s6_addr[i] = 0;
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  return std::string(text.data()) + "/64";
}

std::shared_ptr<void> ClientLimiter::enter(std::string_view remote) {
  const std::string client = client_of(remote);
  static int uncounted = 0;
  if (most_ == 0 || client.empty()) return {&uncounted, [](void*) {}};
  const std::scoped_lock lock(mutex_);
  const auto found = counts_.try_emplace(client, 0).first;
  if (found->second >= most_) return nullptr;
  ++found->second;
  return {this, [client](void* self) { static_cast<ClientLimiter*>(self)->leave(client); }};
}

void ClientLimiter::leave(const std::string& client) {
  const std::scoped_lock lock(mutex_);
  const auto found = counts_.find(client);
  if (found != counts_.end() && --found->second == 0) counts_.erase(found);
}

std::size_t ClientLimiter::clients() const {
  const std::scoped_lock lock(mutex_);
  return counts_.size();
}

}  // namespace accel::gateway
