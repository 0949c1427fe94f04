// SPDX-License-Identifier: Apache-2.0
#include "kad/message.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/protobuf.hpp"

namespace accel::libp2p::kad {
namespace {

using ipld::PbField;
using ipld::PbReader;
using ipld::WireType;

constexpr std::uint32_t kType = 1;
constexpr std::uint32_t kKey = 2;
constexpr std::uint32_t kRecord = 3;
constexpr std::uint32_t kCloser = 8;
constexpr std::uint32_t kProvider = 9;
constexpr std::uint32_t kRecordKey = 1;
constexpr std::uint32_t kRecordValue = 2;
constexpr std::uint32_t kRecordReceived = 5;
constexpr std::uint32_t kPeerId = 1;
constexpr std::uint32_t kPeerAddress = 2;
constexpr std::uint32_t kPeerConnection = 3;
constexpr std::uint64_t kCanConnect = 2;  // "NOT_CONNECTED" would keep old peers from dialing.
constexpr std::size_t kMaxTimeText = 64;

tl::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::protocol, "A message of Kademlia can't be read: {}.", what);
}

Bytes encode_peer(const KadPeer& peer) {
  Bytes out;
  ipld::put_bytes_field(out, kPeerId, peer.id.bytes());
  for (const Multiaddr& address : peer.addresses) {
    ipld::put_bytes_field(out, kPeerAddress, address.bytes());
  }
  ipld::put_varint_field(out, kPeerConnection, kCanConnect);
  return out;
}

void put_peers(Bytes& out, std::uint32_t field, const std::vector<KadPeer>& peers) {
  for (const KadPeer& peer : peers) ipld::put_bytes_field(out, field, encode_peer(peer));
}

void take_fitting(const std::vector<KadPeer>& from, std::size_t& left, std::vector<KadPeer>& into) {
  for (const KadPeer& peer : from) {
    Bytes field;
    put_peers(field, kCloser, {peer});
    if (field.size() > left) return;
    left -= field.size();
    into.push_back(peer);
  }
}

void take_address(ByteView bytes, std::vector<Multiaddr>& into) {
  if (into.size() >= kMaxPeerAddresses) return;
  const auto address = Multiaddr::from_bytes(bytes);
  if (address) into.push_back(address->without_peer());
}

Status take_peer(ByteView bytes, std::size_t most, std::vector<KadPeer>& into) {
  if (into.size() >= most) return {};
  std::optional<PeerId> id;
  std::vector<Multiaddr> addresses;
  for (PbReader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken("a peer is no protobuf");
    if (field->number != kPeerId && field->number != kPeerAddress) continue;
    if (field->type != WireType::bytes) return broken("a peer's field has a wrong type");
    if (field->number == kPeerAddress) {
      take_address(field->bytes, addresses);
    } else if (auto read = PeerId::from_bytes(field->bytes)) {
      id = std::move(*read);
    }
  }
  if (id) into.push_back({std::move(*id), std::move(addresses)});
  return {};
}

Result<Record> read_record(ByteView bytes) {
  Record record;
  for (PbReader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken("its record is no protobuf");
    const bool known = field->number == kRecordKey || field->number == kRecordValue ||
                       field->number == kRecordReceived;
    if (!known) continue;
    if (field->type != WireType::bytes) return broken("its record has a field of a wrong type");
    if (field->number == kRecordKey) record.key = to_bytes(field->bytes);
    if (field->number == kRecordValue) record.value = to_bytes(field->bytes);
    if (field->number == kRecordReceived && field->bytes.size() <= kMaxTimeText) {
      record.received = std::string(as_text(field->bytes));
    }
  }
  if (record.key.size() > kMaxKeyBytes) return broken("its record's key is too long");
  if (record.value.size() > kMaxValueBytes) return broken("its record is too large");
  return record;
}

Status take_type(const PbField& field, Message& into) {
  if (field.type != WireType::varint) return broken("its type has a wrong type");
  if (field.value > static_cast<std::uint64_t>(MessageType::ping)) {
    return broken("nobody knows its type");
  }
  into.type = static_cast<MessageType>(field.value);
  return {};
}

Status take(const PbField& field, Message& into) {
  if (field.number == kType) return take_type(field, into);
  const bool known = field.number == kKey || field.number == kRecord || field.number == kCloser ||
                     field.number == kProvider;
  if (!known) return {};
  if (field.type != WireType::bytes) return broken("a field has a wrong type");
  switch (field.number) {
    case kKey:
      if (field.bytes.size() > kMaxKeyBytes) return broken("its key is too long");
      into.key = to_bytes(field.bytes);
      return {};
    case kRecord: {
      ACCEL_TRY(into.record, read_record(field.bytes));
      return {};
    }
    case kCloser:
      return take_peer(field.bytes, kMaxCloser, into.closer);
    default:
      return take_peer(field.bytes, kMaxProviders, into.providers);
  }
}

}  // namespace

Bytes encode(const Message& message) {
  Bytes out;
  ipld::put_varint_field(out, kType, static_cast<std::uint64_t>(message.type));
  if (!message.key.empty()) ipld::put_bytes_field(out, kKey, message.key);
  if (message.record) {
    Bytes record;
    ipld::put_bytes_field(record, kRecordKey, message.record->key);
    ipld::put_bytes_field(record, kRecordValue, message.record->value);
    if (!message.record->received.empty()) {
      ipld::put_bytes_field(record, kRecordReceived, as_bytes(message.record->received));
    }
    ipld::put_bytes_field(out, kRecord, record);
  }
  put_peers(out, kCloser, message.closer);
  put_peers(out, kProvider, message.providers);
  return out;
}

void cut_to(Message& message, std::size_t most) {
  const std::vector<KadPeer> providers = std::exchange(message.providers, {});
  const std::vector<KadPeer> closer = std::exchange(message.closer, {});
  const std::size_t rest = encode(message).size();
  std::size_t left = most - std::min(most, rest);
  take_fitting(closer, left, message.closer);
  take_fitting(providers, left, message.providers);
}

Bytes encode_reply(Message message) {
  Bytes whole = encode(message);
  if (whole.size() <= kMostTold) return whole;
  cut_to(message, kMostTold);
  return encode(message);
}

Result<Message> decode(ByteView bytes) {
  if (bytes.size() > kMaxReplyBytes) return broken("it is too long");
  // Without a type it is the first one, as proto3 leaves out zeros.
  Message message{MessageType::put_value, {}, {}, {}, {}};
  for (PbReader reader(bytes); !reader.done();) {
    const auto field = reader.next();
    if (!field) return broken("it is no protobuf");
    ACCEL_CHECK(take(*field, message));
  }
  return message;
}

}  // namespace accel::libp2p::kad
