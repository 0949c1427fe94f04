// SPDX-License-Identifier: Apache-2.0
#pragma once
// Addresses that say how they are to be understood: /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…. Used by
// libp2p and node. Plain values. Spec: multiformats/multiaddr, protocols.csv.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::ipld {

// The numbers are those of protocols.csv.
enum class AddressCode : std::uint32_t {
  ip4 = 4,
  tcp = 6,
  ip6 = 41,
  ip6zone = 42,
  dns = 53,
  dns4 = 54,
  dns6 = 55,
  dnsaddr = 56,
  udp = 273,
  webrtc_direct = 280,
  webrtc = 281,
  p2p_circuit = 290,
  p2p = 421,
  https = 443,
  tls = 448,
  sni = 449,
  noise = 454,
  quic = 460,
  quic_v1 = 461,
  webtransport = 465,
  certhash = 466,
  ws = 477,
  wss = 478,
  http = 480,
};

inline constexpr std::size_t kMaxMultiaddrBytes = 1024;
inline constexpr std::size_t kMaxMultiaddrParts = 16;

class Multiaddr {
 public:
  struct Part {
    AddressCode code = AddressCode::ip4;
    Bytes value;  // As on the wire: 4 or 16 bytes, a big-endian port, text, a multihash.
    bool operator==(const Part&) const = default;
  };
  // What a plain TCP address leads to: a number or a name, and a port.
  struct TcpTarget {
    std::string host;
    std::uint16_t port = 0;
    AddressCode kind = AddressCode::ip4;  // ip4, ip6, dns, dns4 or dns6.
  };

  Multiaddr() = default;  // No parts at all; to_string() is "/".
  // Errors: invalid_argument (an unknown protocol, a bad value, above the limits).
  static Result<Multiaddr> parse(std::string_view text);
  static Result<Multiaddr> from_bytes(ByteView bytes);
  // ip is numeric. Errors: invalid_argument.
  static Result<Multiaddr> of_tcp(std::string_view ip, std::uint16_t port);

  std::string to_string() const;
  const Bytes& bytes() const { return bytes_; }
  std::vector<Part> parts() const;

  // The peer at the end of the address; nothing when it names none.
  std::optional<PeerId> peer_id() const;
  Multiaddr with_peer(const PeerId& peer) const;  // Replaces the one at the end.
  Multiaddr without_peer() const;
  // Host and port when the address is exactly host/tcp, with or without a peer id behind it; a
  // WebSocket, a relay or QUIC is not.
  std::optional<TcpTarget> tcp() const;

  friend bool operator==(const Multiaddr&, const Multiaddr&) = default;
  friend auto operator<=>(const Multiaddr&, const Multiaddr&) = default;

 private:
  explicit Multiaddr(Bytes bytes) : bytes_(std::move(bytes)) {}
  Bytes bytes_;  // Always well-formed.
};

}  // namespace accel::ipld

template <>
struct fmt::formatter<accel::ipld::Multiaddr> : fmt::formatter<std::string> {
  auto format(const accel::ipld::Multiaddr& address, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(address.to_string(), context);
  }
};
