// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "accel/exchange/replication.hpp"
#include "accel/ipld/protobuf.hpp"

namespace accel::exchange {
namespace {

using ipld::PbField;
using ipld::PbReader;
using ipld::WireType;

// Both messages: 1 is the kind or state. Request: 2 root, 3 bytes, 4 lease. Answer: 2 free bytes
// and one, 3 bytes here, 4 lease, 5 reason.
constexpr std::uint32_t kKind = 1;
constexpr std::uint32_t kRoot = 2;
constexpr std::uint32_t kFree = 2;
constexpr std::uint32_t kBytes = 3;
constexpr std::uint32_t kLease = 4;
constexpr std::uint32_t kReason = 5;

tl::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::protocol, "A message about a replica can't be read: {}.", what);
}

// Hands each field to `take`; a field of another wire type than it expects is an error.
template <class Take>
Status read_fields(ByteView message, Take take) {
  if (message.size() > kMaxReplicaMessageBytes) return broken("it is too long");
  PbReader reader(message);
  while (!reader.done()) {
    const auto field = reader.next();
    if (!field) return broken(field.error().message);
    ACCEL_CHECK(take(*field));
  }
  return {};
}

Status number(const PbField& field, std::uint64_t& into) {
  if (field.type != WireType::varint) return broken("a number is no number");
  into = field.value;
  return {};
}

// It is shown to people: control characters would let it paint the screen.
std::string printable(ByteView bytes) {
  std::string text(as_text(bytes.first(std::min(bytes.size(), kMaxReplicaReason))));
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, '?');
  return text;
}

}  // namespace

std::string_view replica_state_name(ReplicaAnswer::State state) {
  switch (state) {
    case ReplicaAnswer::State::refused:
      return "refused";
    case ReplicaAnswer::State::willing:
      return "willing";
    case ReplicaAnswer::State::fetching:
      return "fetching";
    case ReplicaAnswer::State::holding:
      return "holding";
    case ReplicaAnswer::State::failed:
      return "failed";
  }
  return "refused";
}

Bytes encode_replica(const ReplicaRequest& request) {
  Bytes out;
  ipld::put_varint_field(out, kKind, static_cast<std::uint64_t>(request.kind));
  ipld::put_bytes_field(out, kRoot, request.root.bytes());
  ipld::put_varint_field(out, kBytes, request.bytes);
  ipld::put_varint_field(out, kLease, request.lease_s);
  return out;
}

Bytes encode_replica(const ReplicaAnswer& answer) {
  Bytes out;
  ipld::put_varint_field(out, kKind, static_cast<std::uint64_t>(answer.state));
  if (answer.free_bytes) {
    ipld::put_varint_field(out, kFree, std::min(*answer.free_bytes, UINT64_MAX - 1) + 1);
  }
  ipld::put_varint_field(out, kBytes, answer.have_bytes);
  ipld::put_varint_field(out, kLease, answer.lease_s);
  const ByteView reason = as_bytes(answer.reason);
  ipld::put_bytes_field(out, kReason, reason.first(std::min(reason.size(), kMaxReplicaReason)));
  return out;
}

Result<ReplicaRequest> decode_replica_request(ByteView message) {
  ReplicaRequest request;
  std::uint64_t kind = 0;
  bool has_root = false;
  ACCEL_CHECK(read_fields(message, [&](const PbField& field) -> Status {
    if (field.number == kKind) return number(field, kind);
    if (field.number == kBytes) return number(field, request.bytes);
    if (field.number == kLease) return number(field, request.lease_s);
    if (field.number != kRoot) return {};
    if (field.type != WireType::bytes) return broken("the root is no CID");
    auto root = ipld::Cid::from_bytes(field.bytes);
    if (!root) return broken("the root is no CID");
    request.root = *std::move(root);
    has_root = true;
    return {};
  }));
  if (!has_root) return broken("it names no root");
  if (kind > static_cast<std::uint64_t>(ReplicaRequest::Kind::release)) {
    return broken("it asks for something unknown");
  }
  request.kind = static_cast<ReplicaRequest::Kind>(kind);
  return request;
}

Result<ReplicaAnswer> decode_replica_answer(ByteView message) {
  ReplicaAnswer answer;
  std::uint64_t state = 0;
  std::uint64_t free_and_one = 0;
  ACCEL_CHECK(read_fields(message, [&](const PbField& field) -> Status {
    if (field.number == kKind) return number(field, state);
    if (field.number == kFree) return number(field, free_and_one);
    if (field.number == kBytes) return number(field, answer.have_bytes);
    if (field.number == kLease) return number(field, answer.lease_s);
    if (field.number != kReason) return {};
    if (field.type != WireType::bytes) return broken("the reason is no text");
    answer.reason = printable(field.bytes);
    return {};
  }));
  if (state > static_cast<std::uint64_t>(ReplicaAnswer::State::failed)) {
    return broken("its state is unknown");
  }
  answer.state = static_cast<ReplicaAnswer::State>(state);
  if (free_and_one > 0) answer.free_bytes = free_and_one - 1;
  return answer;
}

}  // namespace accel::exchange
