// SPDX-License-Identifier: Apache-2.0
#pragma once
// One bitswap message, to and from bytes: pure functions with a limit on everything that a message
// can hold. Reads 1.2.0, 1.1.0 and 1.0.0 (whose blocks have no prefix: CIDv0). A message names its
// blocks only by the hash of their bytes, so a block that was read has been checked against its CID
// as soon as cid_of() has computed one: whoever asked for that CID got it.
// Used by the shell (bitswap_node.hpp), its tests and the fuzz target.
// Spec: ipfs/specs src/bitswap-protocol.md, "Wire format".

#include <cstdint>
#include <span>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/raw_buffer.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::exchange::bitswap {

inline constexpr std::size_t kMaxMessageBytes = 4U << 20U;  // The spec's.
inline constexpr std::size_t kMaxWireBlockBytes = 2U << 20U;
// Entries, blocks, presences: each at most so many. Others send up to a thousand at once; what a
// message of full size could hold (a hundred thousand) only serves to keep us busy.
inline constexpr std::size_t kMaxMessageItems = 16384;

enum class WantType : std::uint8_t { block = 0, have = 1 };

struct WantEntry {
  ipld::Cid cid;
  std::int32_t priority = 1;  // Larger first, among the wants of one peer.
  WantType type = WantType::block;
  bool cancel = false;
  bool send_dont_have = false;
  friend bool operator==(const WantEntry&, const WantEntry&) = default;
};

// What goes before the bytes of a block: its CID without the digest.
struct BlockPrefix {
  int version = 0;
  ipld::Codec codec = ipld::Codec::dag_pb;
  ipld::HashCode hash = ipld::HashCode::sha2_256;
  std::size_t digest_bytes = 32;
  friend bool operator==(const BlockPrefix&, const BlockPrefix&) = default;
};

struct ReceivedBlock {
  BlockPrefix prefix;
  ByteView bytes;  // Borrows from the message.
};

struct Presence {
  ipld::Cid cid;
  bool have = false;
  friend bool operator==(const Presence&, const Presence&) = default;
};

struct Message {
  std::vector<WantEntry> wants;
  bool full = false;  // The wants are all that the sender has: they replace what it said before.
  std::vector<ReceivedBlock> blocks;
  std::vector<Presence> presences;
  std::int64_t pending_bytes = 0;  // What the sender still has queued for us.
};

// Errors: protocol (no message, or a limit above; an identity CID: its block is in its name).
Result<Message> decode_message(ByteView bytes);

// Whether cid_of() makes such digests. Those of blake3 above 32 bytes are not made: nobody uses
// them.
bool is_computed(ipld::HashCode code, std::size_t digest_bytes);

// The CID of a block that came with this prefix: hashes the bytes.
// Errors: unsupported (a hash function that this build does not compute), protocol (a digest of
// another length than the function may have).
Result<ipld::Cid> cid_of(const BlockPrefix& prefix, ByteView block);

// Builds one message with its length in front, as it goes onto a stream.
class MessageBuilder {
 public:
  // bare_blocks: for a peer of 1.0.0, which knows no prefixes: its blocks are all of CIDv0.
  explicit MessageBuilder(bool bare_blocks = false);
  // Room for so many bytes at once, so that blocks are not moved when others follow.
  void reserve(std::size_t bytes) { buffer_.reserve(bytes); }

  // All wants in one go, before anything else; at most kMaxMessageItems.
  void set_wants(std::span<const WantEntry> wants, bool full);
  void add_presence(const Presence& presence);
  // Room for a block of so many bytes, to be filled before the next call.
  std::span<std::uint8_t> add_block(const ipld::Cid& cid, std::size_t size_bytes);
  void drop_last_block();  // It could not be read after all.
  void set_pending_bytes(std::uint64_t bytes);

  bool empty() const;
  std::size_t body_bytes() const;
  // Length and body; borrows from the builder, which takes nothing more.
  ByteView finish();

 private:
  RawBuffer buffer_;  // Begins with room for the length.
  bool bare_blocks_;
  std::size_t before_last_block_ = 0;
};

// What a presence or a block costs in a message besides the bytes of the block: an upper bound.
inline constexpr std::size_t kItemOverheadBytes = 192;

}  // namespace accel::exchange::bitswap
