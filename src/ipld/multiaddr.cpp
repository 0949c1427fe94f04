// SPDX-License-Identifier: Apache-2.0
#include "accel/ipld/multiaddr.hpp"

#include <algorithm>

#include "accel/ipld/varint.hpp"
#include "multiaddr_values.hpp"

namespace accel::ipld {
namespace {

using detail::AddressProtocol;

tl::unexpected<Error> no_address(std::string_view text) {
  return fail(Errc::invalid_argument,
              "\"{}\" is no multiaddr; one looks like /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo….",
              text.substr(0, 120));
}

void append_part(Bytes& out, AddressCode code, ByteView value) {
  put_uvarint(out, static_cast<std::uint64_t>(code));
  const AddressProtocol* const protocol =
      detail::protocol_by_code(static_cast<std::uint64_t>(code));
  if (protocol->value_bytes == detail::kLengthInFront) put_uvarint(out, value.size());
  out.insert(out.end(), value.begin(), value.end());
}

struct PartView {
  const AddressProtocol* protocol = nullptr;
  ByteView value{};
  std::size_t size = 0;
};

// One part from the front.
Result<PartView> read_part(ByteView bytes) {
  ACCEL_TRY(const Uvarint code, get_uvarint(bytes));
  const AddressProtocol* const protocol = detail::protocol_by_code(code.value);
  if (protocol == nullptr) {
    return fail(Errc::invalid_argument, "The address protocol {} is not known.", code.value);
  }
  std::size_t at = code.size;
  std::uint64_t length = 0;
  if (protocol->value_bytes == detail::kLengthInFront) {
    ACCEL_TRY(const Uvarint prefix, get_uvarint(bytes.subspan(at)));
    at += prefix.size;
    length = prefix.value;
  } else {
    length = static_cast<std::uint64_t>(protocol->value_bytes);
  }
  if (length > bytes.size() - at) {
    return fail(Errc::invalid_argument, "An address ends inside its /{}.", protocol->name);
  }
  const ByteView value = bytes.subspan(at, length);
  ACCEL_CHECK(detail::check_value(*protocol, value));
  return PartView{protocol, value, at + static_cast<std::size_t>(length)};
}

// The text up to the next slash, which is taken too.
std::string_view take_word(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('/'), rest.size());
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return word;
}

bool is_host(AddressCode code) {
  return code == AddressCode::ip4 || code == AddressCode::ip6 || code == AddressCode::dns ||
         code == AddressCode::dns4 || code == AddressCode::dns6;
}

}  // namespace

Result<Multiaddr> Multiaddr::parse(std::string_view text) {
  if (!text.starts_with('/') || text.size() > 4 * kMaxMultiaddrBytes) return no_address(text);
  std::string_view rest = text.substr(1);
  Bytes bytes;
  for (std::size_t parts = 0; !rest.empty(); ++parts) {
    const AddressProtocol* const protocol = detail::protocol_by_name(take_word(rest));
    if (protocol == nullptr || parts == kMaxMultiaddrParts) return no_address(text);
    Bytes value;
    if (protocol->value_bytes != detail::kNoValue) {
      auto read = detail::value_from_text(*protocol, take_word(rest));
      if (!read) return no_address(text);
      value = std::move(*read);
    }
    append_part(bytes, protocol->code, value);
  }
  if (bytes.empty() || bytes.size() > kMaxMultiaddrBytes) return no_address(text);
  return Multiaddr(std::move(bytes));
}

Result<Multiaddr> Multiaddr::from_bytes(ByteView bytes) {
  if (bytes.empty() || bytes.size() > kMaxMultiaddrBytes) {
    return fail(Errc::invalid_argument, "A multiaddr has from 1 to {} bytes, not {}.",
                kMaxMultiaddrBytes, bytes.size());
  }
  std::size_t parts = 0;
  for (ByteView rest = bytes; !rest.empty(); ++parts) {
    if (parts == kMaxMultiaddrParts) {
      return fail(Errc::invalid_argument, "A multiaddr has at most {} parts.", kMaxMultiaddrParts);
    }
    ACCEL_TRY(const PartView part, read_part(rest));
    rest = rest.subspan(part.size);
  }
  return Multiaddr(to_bytes(bytes));
}

Result<Multiaddr> Multiaddr::of_tcp(std::string_view ip, std::uint16_t port) {
  const bool six = ip.find(':') != std::string_view::npos;
  return parse(fmt::format("/{}/{}/tcp/{}", six ? "ip6" : "ip4", ip, port));
}

std::vector<Multiaddr::Part> Multiaddr::parts() const {
  std::vector<Part> parts;
  for (ByteView rest = bytes_; !rest.empty();) {
    const PartView part = read_part(rest).value();
    parts.push_back({part.protocol->code, to_bytes(part.value)});
    rest = rest.subspan(part.size);
  }
  return parts;
}

std::string Multiaddr::to_string() const {
  std::string text;
  for (const Part& part : parts()) {
    const auto* const protocol = detail::protocol_by_code(static_cast<std::uint64_t>(part.code));
    text += fmt::format("/{}", protocol->name);
    if (protocol->value_bytes != detail::kNoValue) {
      text += "/" + detail::value_to_text(part.code, part.value);
    }
  }
  return text.empty() ? "/" : text;
}

std::optional<PeerId> Multiaddr::peer_id() const {
  const auto all = parts();
  if (all.empty() || all.back().code != AddressCode::p2p) return std::nullopt;
  return PeerId::from_bytes(all.back().value).value();
}

Multiaddr Multiaddr::without_peer() const {
  auto all = parts();
  if (!all.empty() && all.back().code == AddressCode::p2p) all.pop_back();
  Bytes bytes;
  for (const Part& part : all) append_part(bytes, part.code, part.value);
  return Multiaddr(std::move(bytes));
}

Multiaddr Multiaddr::with_peer(const PeerId& peer) const {
  Multiaddr address = without_peer();
  append_part(address.bytes_, AddressCode::p2p, peer.bytes());
  return address;
}

std::optional<Multiaddr::TcpTarget> Multiaddr::tcp() const {
  const auto all = without_peer().parts();
  if (all.size() != 2 || !is_host(all[0].code) || all[1].code != AddressCode::tcp) {
    return std::nullopt;
  }
  const auto port = static_cast<std::uint16_t>((unsigned{all[1].value[0]} << 8U) | all[1].value[1]);
  return TcpTarget{detail::value_to_text(all[0].code, all[0].value), port, all[0].code};
}

}  // namespace accel::ipld
