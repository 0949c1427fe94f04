// SPDX-License-Identifier: Apache-2.0
#include "message.hpp"

#include <algorithm>

#include "accel/ipld/protobuf.hpp"
#include "accel/ipld/varint.hpp"

namespace accel::exchange::bitswap {
namespace {

namespace pb = ipld;

// Fields of Message, Wantlist, Entry, Block and BlockPresence.
constexpr std::uint32_t kWantlist = 1, kBlocks = 2, kPayload = 3, kPresences = 4, kPending = 5;
constexpr std::uint32_t kEntries = 1, kFull = 2;
constexpr std::uint32_t kEntryCid = 1, kPriority = 2, kCancel = 3, kWantType = 4, kDontHave = 5;
constexpr std::uint32_t kPrefix = 1, kData = 2;
constexpr std::uint32_t kPresenceCid = 1, kPresenceType = 2;
constexpr std::size_t kLengthBytes = 4;  // A varint below 2^28: enough for kMaxMessageBytes.

tl::unexpected<Error> broken(const Error& cause) {
  return fail(Error{Errc::protocol, "The bitswap message is broken.", cause.message});
}

Result<pb::PbField> next(pb::PbReader& reader) {
  auto field = reader.next();
  if (!field) return broken(field.error());
  return field;
}

Status expect(const pb::PbField& field, pb::WireType type, std::string_view what) {
  const Status fits = field.expect(type, what);
  return fits ? fits : broken(fits.error());
}

Result<ipld::Cid> read_cid(const pb::PbField& field) {
  ACCEL_CHECK(expect(field, pb::WireType::bytes, "The CID"));
  if (field.bytes.size() > ipld::kMaxCidBytes) {
    return fail(Errc::protocol, "The bitswap message holds a CID of {} bytes; {} are the most.",
                field.bytes.size(), ipld::kMaxCidBytes);
  }
  auto cid = ipld::Cid::from_bytes(field.bytes);
  if (!cid) return broken(cid.error());
  if (cid->is_identity()) {
    return fail(Errc::protocol, "The bitswap message names {}, which holds its own block.", *cid);
  }
  return cid;
}

template <class Item>
Status check_room(const std::vector<Item>& items, std::string_view what) {
  if (items.size() < kMaxMessageItems) return {};
  return fail(Errc::protocol, "The bitswap message has more than {} {}.", kMaxMessageItems, what);
}

Result<WantEntry> read_entry(ByteView bytes) {
  WantEntry entry;
  bool named = false;
  for (pb::PbReader reader(bytes); !reader.done();) {
    ACCEL_TRY(const pb::PbField field, next(reader));
    if (field.number == kEntryCid) {
      ACCEL_TRY(entry.cid, read_cid(field));
      named = true;
      continue;
    }
    if (field.number > kDontHave) continue;
    ACCEL_CHECK(expect(field, pb::WireType::varint, "A want's field"));
    if (field.number == kPriority) entry.priority = static_cast<std::int32_t>(field.value);
    if (field.number == kCancel) entry.cancel = field.value != 0;
    if (field.number == kWantType) entry.type = field.value == 1 ? WantType::have : WantType::block;
    if (field.number == kDontHave) entry.send_dont_have = field.value != 0;
  }
  if (!named) return fail(Errc::protocol, "The bitswap message wants something without a CID.");
  return entry;
}

Status read_wantlist(ByteView bytes, Message& message) {
  for (pb::PbReader reader(bytes); !reader.done();) {
    ACCEL_TRY(const pb::PbField field, next(reader));
    if (field.number == kEntries) {
      ACCEL_CHECK(expect(field, pb::WireType::bytes, "A want"));
      ACCEL_CHECK(check_room(message.wants, "wants"));
      ACCEL_TRY(WantEntry entry, read_entry(field.bytes));
      message.wants.push_back(std::move(entry));
    } else if (field.number == kFull) {
      ACCEL_CHECK(expect(field, pb::WireType::varint, "The field full"));
      message.full = field.value != 0;
    }
  }
  return {};
}

Status check_block_size(ByteView bytes) {
  if (bytes.size() <= kMaxWireBlockBytes) return {};
  return fail(Errc::protocol, "The bitswap message holds a block of {} bytes; {} are the most.",
              bytes.size(), kMaxWireBlockBytes);
}

Result<BlockPrefix> read_prefix(ByteView bytes) {
  std::uint64_t values[4] = {};
  for (std::uint64_t& value : values) {
    const auto read = ipld::get_uvarint(bytes);
    if (!read) return broken(read.error());
    value = read->value;
    bytes = bytes.subspan(read->size);
  }
  BlockPrefix prefix;
  prefix.version = values[0] > 1 ? -1 : static_cast<int>(values[0]);
  prefix.codec = static_cast<ipld::Codec>(values[1]);
  prefix.hash = static_cast<ipld::HashCode>(values[2]);
  prefix.digest_bytes = values[3] > ipld::kMaxDigestBytes ? 0 : values[3];
  if (!bytes.empty() || prefix.version < 0 || prefix.digest_bytes < ipld::kMinDigestBytes ||
      prefix.hash == ipld::HashCode::identity) {
    return fail(Errc::protocol, "The bitswap message holds a block with a prefix that no CID has.");
  }
  return prefix;
}

Result<ReceivedBlock> read_payload(ByteView bytes) {
  ReceivedBlock block;
  ByteView prefix;
  for (pb::PbReader reader(bytes); !reader.done();) {
    ACCEL_TRY(const pb::PbField field, next(reader));
    if (field.number != kPrefix && field.number != kData) continue;
    ACCEL_CHECK(expect(field, pb::WireType::bytes, "A block's field"));
    (field.number == kPrefix ? prefix : block.bytes) = field.bytes;
  }
  ACCEL_TRY(block.prefix, read_prefix(prefix));
  ACCEL_CHECK(check_block_size(block.bytes));
  return block;
}

Result<Presence> read_presence(ByteView bytes) {
  Presence presence;
  presence.have = true;  // The type's default is 0, which goes unwritten.
  bool named = false;
  for (pb::PbReader reader(bytes); !reader.done();) {
    ACCEL_TRY(const pb::PbField field, next(reader));
    if (field.number == kPresenceCid) {
      ACCEL_TRY(presence.cid, read_cid(field));
      named = true;
    } else if (field.number == kPresenceType) {
      ACCEL_CHECK(expect(field, pb::WireType::varint, "A presence's type"));
      presence.have = field.value == 0;
    }
  }
  if (!named) return fail(Errc::protocol, "The bitswap message tells of a block without a CID.");
  return presence;
}

Status read_field(const pb::PbField& field, Message& message) {
  if (field.number == kPending) {
    ACCEL_CHECK(expect(field, pb::WireType::varint, "pendingBytes"));
    message.pending_bytes = std::max(static_cast<std::int32_t>(field.value), 0);
    return {};
  }
  if (field.number > kPending) return {};
  ACCEL_CHECK(expect(field, pb::WireType::bytes, "A field of the message"));
  switch (field.number) {
    case kWantlist:
      return read_wantlist(field.bytes, message);
    case kBlocks:
      ACCEL_CHECK(check_room(message.blocks, "blocks"));
      ACCEL_CHECK(check_block_size(field.bytes));
      message.blocks.push_back({BlockPrefix{}, field.bytes});
      return {};
    case kPayload: {
      ACCEL_CHECK(check_room(message.blocks, "blocks"));
      ACCEL_TRY(const ReceivedBlock block, read_payload(field.bytes));
      message.blocks.push_back(block);
      return {};
    }
    default: {
      ACCEL_CHECK(check_room(message.presences, "presences"));
      ACCEL_TRY(Presence presence, read_presence(field.bytes));
      message.presences.push_back(std::move(presence));
      return {};
    }
  }
}

void put_entry(Bytes& out, const WantEntry& entry) {
  Bytes body;
  pb::put_bytes_field(body, kEntryCid, entry.cid.bytes());
  // A negative int32 takes ten bytes in protobuf: nobody needs one.
  const auto priority = static_cast<std::uint64_t>(std::max(entry.priority, 0));
  if (priority > 0) pb::put_varint_field(body, kPriority, priority);
  if (entry.cancel) pb::put_varint_field(body, kCancel, 1);
  if (entry.type == WantType::have) pb::put_varint_field(body, kWantType, 1);
  if (entry.send_dont_have) pb::put_varint_field(body, kDontHave, 1);
  pb::put_bytes_field(out, kEntries, body);
}

}  // namespace

Result<Message> decode_message(ByteView bytes) {
  if (bytes.size() > kMaxMessageBytes) {
    return fail(Errc::protocol, "The bitswap message has {} bytes; {} are the most.", bytes.size(),
                kMaxMessageBytes);
  }
  Message message;
  for (pb::PbReader reader(bytes); !reader.done();) {
    ACCEL_TRY(const pb::PbField field, next(reader));
    ACCEL_CHECK(read_field(field, message));
  }
  return message;
}

bool is_computed(ipld::HashCode code, std::size_t digest_bytes) {
  const auto usual = ipld::hash_with(code, {});
  return usual && code != ipld::HashCode::identity && digest_bytes <= usual->digest().size();
}

Result<ipld::Cid> cid_of(const BlockPrefix& prefix, ByteView block) {
  const auto cut = [&](const ipld::Multihash& whole) -> Result<ipld::Multihash> {
    const ByteView digest = whole.digest();
    if (prefix.digest_bytes == digest.size()) return whole;
    if (prefix.digest_bytes > digest.size()) {
      return fail(Errc::protocol, "A block's prefix promises a digest of {} bytes; {} has {}.",
                  prefix.digest_bytes, ipld::hash_name(prefix.hash), digest.size());
    }
    return ipld::Multihash::wrap(prefix.hash, digest.first(prefix.digest_bytes));
  };
  ACCEL_TRY(const ipld::Multihash whole, ipld::hash_with(prefix.hash, block));
  auto hash = cut(whole);
  if (!hash) return fail(std::move(hash).error());
  if (prefix.version == 1) return ipld::Cid::v1(prefix.codec, *std::move(hash));
  const bool is_v0 = prefix.codec == ipld::Codec::dag_pb &&
                     prefix.hash == ipld::HashCode::sha2_256 && prefix.digest_bytes == 32;
  if (is_v0) return ipld::Cid::v0(*std::move(hash));
  return fail(Errc::protocol, "A block's prefix is of CID version 0 and not dag-pb with sha2-256.");
}

MessageBuilder::MessageBuilder(bool bare_blocks) : bare_blocks_(bare_blocks) {
  buffer_.extend(kLengthBytes);
}

void MessageBuilder::set_wants(std::span<const WantEntry> wants, bool full) {
  if (wants.empty() && !full) return;
  Bytes list;
  for (const WantEntry& entry : wants) put_entry(list, entry);
  if (full) pb::put_varint_field(list, kFull, 1);
  Bytes head;
  pb::put_bytes_header(head, kWantlist, list.size());
  buffer_.append(head);
  buffer_.append(list);
}

void MessageBuilder::add_presence(const Presence& presence) {
  Bytes body;
  pb::put_bytes_field(body, kPresenceCid, presence.cid.bytes());
  if (!presence.have) pb::put_varint_field(body, kPresenceType, 1);
  Bytes field;
  pb::put_bytes_field(field, kPresences, body);
  buffer_.append(field);
}

std::span<std::uint8_t> MessageBuilder::add_block(const ipld::Cid& cid, std::size_t size_bytes) {
  before_last_block_ = buffer_.size();
  Bytes head;
  if (bare_blocks_) {
    pb::put_bytes_header(head, kBlocks, size_bytes);
  } else {
    Bytes prefix;
    ipld::put_uvarint(prefix, static_cast<std::uint64_t>(cid.version()));
    ipld::put_uvarint(prefix, static_cast<std::uint64_t>(cid.codec()));
    ipld::put_uvarint(prefix, static_cast<std::uint64_t>(cid.hash().code()));
    ipld::put_uvarint(prefix, cid.hash().digest().size());
    Bytes inner;
    pb::put_bytes_field(inner, kPrefix, prefix);
    pb::put_bytes_header(inner, kData, size_bytes);
    pb::put_bytes_header(head, kPayload, inner.size() + size_bytes);
    head.insert(head.end(), inner.begin(), inner.end());
  }
  buffer_.append(head);
  return {buffer_.extend(size_bytes), size_bytes};
}

void MessageBuilder::drop_last_block() { buffer_.drop_back(buffer_.size() - before_last_block_); }

void MessageBuilder::set_pending_bytes(std::uint64_t bytes) {
  constexpr std::uint64_t kMost = INT32_MAX;
  if (bytes == 0) return;
  Bytes field;
  pb::put_varint_field(field, kPending, std::min(bytes, kMost));
  buffer_.append(field);
}

bool MessageBuilder::empty() const { return buffer_.size() == kLengthBytes; }
std::size_t MessageBuilder::body_bytes() const { return buffer_.size() - kLengthBytes; }

ByteView MessageBuilder::finish() {
  Bytes length;
  ipld::put_uvarint(length, body_bytes());
  const std::size_t begin = kLengthBytes - length.size();
  std::copy(length.begin(), length.end(), buffer_.data() + begin);
  return buffer_.view().subspan(begin);
}

}  // namespace accel::exchange::bitswap
