// SPDX-License-Identifier: Apache-2.0
#include "multiaddr_values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "accel/ipld/multibase.hpp"

namespace accel::ipld::detail {
namespace {

constexpr std::size_t kMaxTextValue = 255;  // A DNS name has at most 253 characters.
constexpr int kIp4Bytes = 4;
constexpr int kIp6Bytes = 16;
constexpr int kPortBytes = 2;

constexpr std::array kProtocols{
    AddressProtocol{AddressCode::ip4, "ip4", kIp4Bytes},
    AddressProtocol{AddressCode::tcp, "tcp", kPortBytes},
    AddressProtocol{AddressCode::ip6, "ip6", kIp6Bytes},
    AddressProtocol{AddressCode::ip6zone, "ip6zone", kLengthInFront},
    AddressProtocol{AddressCode::dns, "dns", kLengthInFront},
    AddressProtocol{AddressCode::dns4, "dns4", kLengthInFront},
    AddressProtocol{AddressCode::dns6, "dns6", kLengthInFront},
    AddressProtocol{AddressCode::dnsaddr, "dnsaddr", kLengthInFront},
    AddressProtocol{AddressCode::udp, "udp", kPortBytes},
    AddressProtocol{AddressCode::webrtc_direct, "webrtc-direct", kNoValue},
    AddressProtocol{AddressCode::webrtc, "webrtc", kNoValue},
    AddressProtocol{AddressCode::p2p_circuit, "p2p-circuit", kNoValue},
    AddressProtocol{AddressCode::p2p, "p2p", kLengthInFront},
    AddressProtocol{AddressCode::p2p, "ipfs", kLengthInFront},  // What p2p was called once.
    AddressProtocol{AddressCode::https, "https", kNoValue},
    AddressProtocol{AddressCode::tls, "tls", kNoValue},
    AddressProtocol{AddressCode::sni, "sni", kLengthInFront},
    AddressProtocol{AddressCode::noise, "noise", kNoValue},
    AddressProtocol{AddressCode::quic, "quic", kNoValue},
    AddressProtocol{AddressCode::quic_v1, "quic-v1", kNoValue},
    AddressProtocol{AddressCode::webtransport, "webtransport", kNoValue},
    AddressProtocol{AddressCode::certhash, "certhash", kLengthInFront},
    AddressProtocol{AddressCode::ws, "ws", kNoValue},
    AddressProtocol{AddressCode::wss, "wss", kNoValue},
    AddressProtocol{AddressCode::http, "http", kNoValue},
};

tl::unexpected<Error> bad_value(const AddressProtocol& protocol, std::string_view text) {
  return fail(Errc::invalid_argument, "\"{}\" is no value for /{} in an address.",
              text.substr(0, 80), protocol.name);
}

Result<Bytes> ip_bytes(const AddressProtocol& protocol, std::string_view text) {
  const int family = protocol.code == AddressCode::ip4 ? AF_INET : AF_INET6;
  Bytes value(static_cast<std::size_t>(protocol.value_bytes));
  if (inet_pton(family, std::string(text).c_str(), value.data()) != 1) {
    return bad_value(protocol, text);
  }
  return value;
}

Result<Bytes> port_bytes(const AddressProtocol& protocol, std::string_view text) {
  std::uint16_t port = 0;
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return bad_value(protocol, text);
  return Bytes{static_cast<std::uint8_t>(port >> 8U), static_cast<std::uint8_t>(port & 0xffU)};
}

// Printable and without a slash, so that the text form can be read again.
bool is_plain_text(ByteView value) {
  return !value.empty() && value.size() <= kMaxTextValue &&
         std::ranges::all_of(value, [](std::uint8_t c) { return c > ' ' && c < 127 && c != '/'; });
}

}  // namespace

const AddressProtocol* protocol_by_code(std::uint64_t code) {
  const auto* const found = std::ranges::find_if(kProtocols, [code](const AddressProtocol& one) {
    return static_cast<std::uint64_t>(one.code) == code;
  });
  return found == kProtocols.end() ? nullptr : found;
}

const AddressProtocol* protocol_by_name(std::string_view name) {
  const auto* const found = std::ranges::find(kProtocols, name, &AddressProtocol::name);
  return found == kProtocols.end() ? nullptr : found;
}

Result<Bytes> value_from_text(const AddressProtocol& protocol, std::string_view text) {
  switch (protocol.code) {
    case AddressCode::ip4:
    case AddressCode::ip6:
      return ip_bytes(protocol, text);
    case AddressCode::tcp:
    case AddressCode::udp:
      return port_bytes(protocol, text);
    case AddressCode::p2p: {
      ACCEL_TRY(const PeerId peer, PeerId::parse(text));
      return peer.bytes();
    }
    case AddressCode::certhash: {
      ACCEL_TRY(Bytes value, multibase_decode(text));
      ACCEL_CHECK(check_value(protocol, value));
      return value;
    }
    default: {
      Bytes value = to_bytes(text);
      ACCEL_CHECK(check_value(protocol, value));
      return value;
    }
  }
}

Status check_value(const AddressProtocol& protocol, ByteView value) {
  if (protocol.value_bytes != kLengthInFront) {
    return value.size() == static_cast<std::size_t>(protocol.value_bytes)
               ? Status{}
               : bad_value(protocol, to_hex(value));
  }
  if (protocol.code == AddressCode::p2p) {
    if (const auto peer = PeerId::from_bytes(value); !peer) return fail(peer.error());
    return {};
  }
  if (protocol.code == AddressCode::certhash) {
    if (const auto hash = Multihash::from_bytes(value); !hash) return fail(hash.error());
    return {};
  }
  return is_plain_text(value) ? Status{} : bad_value(protocol, to_hex(value));
}

std::string value_to_text(AddressCode code, ByteView value) {
  switch (code) {
    case AddressCode::ip4:
    case AddressCode::ip6: {
      std::array<char, INET6_ADDRSTRLEN> text{};
      inet_ntop(code == AddressCode::ip4 ? AF_INET : AF_INET6, value.data(), text.data(),
                text.size());
      return text.data();
    }
    case AddressCode::tcp:
    case AddressCode::udp:
      return std::to_string((unsigned{value[0]} << 8U) | value[1]);
    case AddressCode::p2p:
      return base_encode(Multibase::base58btc, value);
    case AddressCode::certhash:
      return multibase_encode(Multibase::base64url, value);
    default:
      return std::string(as_text(value));
  }
}

}  // namespace accel::ipld::detail
