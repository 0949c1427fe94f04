// SPDX-License-Identifier: Apache-2.0
#pragma once
// DAG-CBOR: the data model as a strict part of CBOR. Pure functions over bytes. Used by codec and
// car. Spec: ipld/specs codecs/dag-cbor, "Strictness"; RFC 8949.

#include "accel/core/bytes.hpp"
#include "accel/ipld/value.hpp"

namespace accel::ipld {

// Canonical: shortest integers and lengths, keys sorted by length and then by bytes, floats of 64
// bits. Errors: invalid_argument (a key twice, text that is no UTF-8, NaN or an infinity, lists and
// maps deeper than kMaxValueDepth), resource_exhausted (above kMaxBlockBytes).
Result<Bytes> encode_dag_cbor(const Value& value);

// The whole of `block` must be one value. `historical` takes keys in any order, integers and
// lengths that could be shorter, floats of 16 and 32 bits, and text that is no UTF-8.
// Errors: corrupt (not dag-cbor, or not canonical; the message says where and why),
// resource_exhausted (above kMaxBlockBytes, kMaxValueDepth or kMaxValues).
Result<Value> decode_dag_cbor(ByteView block, Strictness strictness = Strictness::canonical);

}  // namespace accel::ipld
