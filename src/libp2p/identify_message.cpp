// SPDX-License-Identifier: Apache-2.0
#include "identify_message.hpp"

#include <algorithm>

#include "accel/ipld/protobuf.hpp"

namespace accel::libp2p {
namespace {

using ipld::PbField;
using ipld::PbReader;
using ipld::WireType;

constexpr std::uint32_t kPublicKey = 1;
constexpr std::uint32_t kListenAddress = 2;
constexpr std::uint32_t kProtocol = 3;
constexpr std::uint32_t kObservedAddress = 4;
constexpr std::uint32_t kProtocolVersion = 5;
constexpr std::uint32_t kAgentVersion = 6;

tl::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::protocol, "The peer's introduction can't be read: {}.", what);
}

// What a peer calls itself is shown to people: control characters would let it paint the screen.
std::string printable(ByteView bytes) {
  std::string text(as_text(bytes.first(std::min(bytes.size(), kMaxIdentifyText))));
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, '?');
  return text;
}

Status add_address(ByteView bytes, std::vector<ipld::Multiaddr>& listens) {
  if (listens.size() >= kMaxIdentifyAddresses) return broken("too many addresses");
  auto address = ipld::Multiaddr::from_bytes(bytes);
  if (address) listens.push_back(std::move(*address));
  return {};
}

Status add_protocol(ByteView bytes, std::vector<std::string>& protocols) {
  if (protocols.size() >= kMaxIdentifyProtocols) return broken("too many protocols");
  protocols.push_back(printable(bytes));
  return {};
}

Status take(const PbField& field, IdentifyMessage& into) {
  switch (field.number) {
    case kPublicKey:
      into.public_key = to_bytes(field.bytes);
      return {};
    case kListenAddress:
      return add_address(field.bytes, into.listens);
    case kProtocol:
      return add_protocol(field.bytes, into.protocols);
    case kObservedAddress:
      if (auto seen = ipld::Multiaddr::from_bytes(field.bytes)) into.observed = std::move(*seen);
      return {};
    case kProtocolVersion:
      into.protocol_version = printable(field.bytes);
      return {};
    case kAgentVersion:
      into.agent = printable(field.bytes);
      return {};
    default:
      return {};
  }
}

}  // namespace

Bytes encode_identify(const IdentifyMessage& message) {
  Bytes out;
  if (message.public_key) ipld::put_bytes_field(out, kPublicKey, *message.public_key);
  for (const auto& address : message.listens) {
    ipld::put_bytes_field(out, kListenAddress, address.bytes());
  }
  for (const auto& protocol : message.protocols) {
    ipld::put_bytes_field(out, kProtocol, as_bytes(protocol));
  }
  if (message.observed) ipld::put_bytes_field(out, kObservedAddress, message.observed->bytes());
  ipld::put_bytes_field(out, kProtocolVersion, as_bytes(message.protocol_version));
  ipld::put_bytes_field(out, kAgentVersion, as_bytes(message.agent));
  return out;
}

Status merge_identify(ByteView part, IdentifyMessage& into) {
  if (part.size() > kMaxIdentifyBytes) return broken("it is too long");
  for (PbReader reader(part); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken("it is no protobuf");
    if (field->number > kAgentVersion) continue;
    if (field->type != WireType::bytes) return broken("a field has a wrong type");
    ACCEL_CHECK(take(*field, into));
  }
  return {};
}

}  // namespace accel::libp2p
