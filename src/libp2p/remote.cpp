// SPDX-License-Identifier: Apache-2.0
#include "remote.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace accel::libp2p {
namespace {

namespace ip = boost::asio::ip;
using ipld::AddressCode;
using ipld::Multiaddr;

constexpr std::size_t kSiteBytes = 8;  // A /64: what one customer has at least.

Reach reach_of(const ip::address_v4& address) {
  const std::uint32_t bits = address.to_uint();
  const auto in = [bits](std::uint32_t net, unsigned length) {
    return (bits ^ net) >> (32U - length) == 0;
  };
  if (in(0x7f000000, 8)) return Reach::loopback;
  if (in(0, 8) || bits >= 0xe0000000) return Reach::nowhere;  // Unspecified, multicast, reserved.
  const bool local = in(0x0a000000, 8) || in(0xac100000, 12) || in(0xc0a80000, 16) ||
                     in(0xa9fe0000, 16) || in(0x64400000, 10);
  return local ? Reach::local : Reach::anywhere;
}

Reach reach_of(const ip::address_v6& address) {
  if (address.is_v4_mapped()) return reach_of(ip::make_address_v4(ip::v4_mapped, address));
  if (address.is_loopback()) return Reach::loopback;
  const auto bytes = address.to_bytes();
  constexpr std::array<std::uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};
  if (std::equal(kNat64.begin(), kNat64.end(), bytes.begin())) {
    return reach_of(ip::address_v4({bytes[12], bytes[13], bytes[14], bytes[15]}));
  }
  if ((bytes[0] & 0xfeU) == 0xfc || address.is_link_local()) return Reach::local;
  return (bytes[0] & 0xe0U) == 0x20 ? Reach::anywhere : Reach::nowhere;  // 2000::/3
}

}  // namespace

std::optional<StreamTarget> stream_target(const Multiaddr& address) {
  constexpr std::size_t kWsBytes = 2;  // Its number, without a value.
  const Multiaddr bare = address.without_peer();
  const auto parts = bare.parts();
  const bool websocket = !parts.empty() && parts.back().code == AddressCode::ws;
  if (!websocket) {
    auto plain = bare.tcp();
    return plain ? std::optional(StreamTarget{*std::move(plain), false}) : std::nullopt;
  }
  const auto below =
      Multiaddr::from_bytes(ByteView(bare.bytes()).first(bare.bytes().size() - kWsBytes));
  auto carried = below ? below->tcp() : std::nullopt;
  // A peer id before the /ws would be somebody else's.
  if (!carried || below->peer_id()) return std::nullopt;
  return StreamTarget{*std::move(carried), true};
}

Multiaddr with_websocket(const Multiaddr& address) {
  return Multiaddr::parse(address.to_string() + "/ws").value();
}

Reach reach_of(const ipld::Multiaddr& address) {
  const auto target = stream_target(address);
  if (!target) return Reach::nowhere;
  boost::system::error_code ec;
  const auto numeric = ip::make_address(target->tcp.host, ec);
  if (ec) return Reach::by_name;
  return numeric.is_v4() ? reach_of(numeric.to_v4()) : reach_of(numeric.to_v6());
}

Reach reach_of_ip(ByteView bytes) {
  ip::address_v4::bytes_type four{};
  ip::address_v6::bytes_type sixteen{};
  if (bytes.size() == four.size()) {
    std::ranges::copy(bytes, four.begin());
    return reach_of(ip::address_v4(four));
  }
  if (bytes.size() != sixteen.size()) return Reach::nowhere;
  std::ranges::copy(bytes, sixteen.begin());
  return reach_of(ip::address_v6(sixteen));
}

Reach reach_of_teller(const ipld::Multiaddr& remote) {
  const Reach reach = reach_of(remote);
  const auto target = stream_target(remote);
  return reach == Reach::loopback && target && target->websocket ? Reach::anywhere : reach;
}

bool may_name(const ipld::Multiaddr& remote, const ipld::Multiaddr& told) {
  return may_name(reach_of_teller(remote), reach_of(told));
}

bool may_name(Reach from, Reach to) {
  if (to == Reach::nowhere) return false;
  if (from == Reach::loopback) return true;
  if (to == Reach::anywhere) return true;
  return from == Reach::local && to == Reach::local;
}

std::string origin_of(const ipld::Multiaddr& address) {
  const auto target = stream_target(address);
  boost::system::error_code ec;
  const auto numeric = ip::make_address(target ? target->tcp.host : std::string(), ec);
  if (ec || numeric.is_v4()) return target ? target->tcp.host : std::string();
  const auto bytes = numeric.to_v6().to_bytes();
  return {bytes.begin(), bytes.begin() + kSiteBytes};
}

}  // namespace accel::libp2p
