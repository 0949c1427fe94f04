// SPDX-License-Identifier: Apache-2.0
#pragma once
// One way into the blocks of every codec: their value, their links, and one step of a path. Used by
// blockstore and exchange (walking a DAG), gateway and the dag commands. Pure functions over bytes;
// nothing here checks a hash: call verify_block() first.
// Spec: ipld/specs codecs/{dag-pb,dag-cbor,dag-json}; raw and libp2p-key are bytes without links.

#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/value.hpp"

namespace accel::ipld {

// Whether the functions below know the codec.
bool is_known_codec(Codec codec);

// Errors: corrupt, resource_exhausted, as the decoder of the codec says; unsupported (a codec that
// is not known).
Result<Value> decode_value(Codec codec, ByteView block, Strictness strictness);

// Errors: invalid_argument (a value that the codec cannot hold), resource_exhausted (above
// kMaxBlockBytes), unsupported (a codec that is not known).
Result<Bytes> encode_value(Codec codec, const Value& value);

// The links of a block in the order in which it has them, repeated ones repeated: the order in
// which a walk takes them. Reads historical blocks too. Errors: as decode_value(), naming the
// block.
Result<std::vector<Cid>> links_of(const Cid& cid, ByteView block);

// The logical form of dag-pb: {"Data": bytes, "Links": [{"Hash": link, "Name": text, "Tsize":
// integer}, …]}, Data, Name and Tsize only where the node has them.
Value value_of_pb(PbNode node);
// Errors: invalid_argument (not that form, or links that are not sorted by name).
Result<PbNode> pb_of_value(const Value& value);

// One step of a path, inside a block: `segment` is a key of a map, or the index in a list (decimal,
// no leading zeros). Borrows from `value`. A link is where the block ends: the caller loads that
// block and goes on there.
// Errors: not_found (no such entry, or nothing to step into).
Result<const Value*> resolve_step(const Value& value, std::string_view segment);

// The same at the top of a block of `codec`. In dag-pb the name of a link comes first and gives its
// Hash, as paths in UnixFS directories go; then the node's own Data and Links.
Result<const Value*> resolve_step(Codec codec, const Value& value, std::string_view segment);

}  // namespace accel::ipld
