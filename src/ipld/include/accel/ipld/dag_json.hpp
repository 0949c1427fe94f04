// SPDX-License-Identifier: Apache-2.0
#pragma once
// DAG-JSON: the data model as JSON, with links as {"/":"…"} and bytes as {"/":{"bytes":"…"}}. Pure
// functions over bytes. Used by codec, and by commands that show a block to people.
// Spec: ipld/specs codecs/dag-json; RFC 8259. Where it leaves a choice: floats as ECMAScript prints
// them, with ".0" when nothing else says that it is a float; texts escaped as Kubo does (\" \\ \n
// \r \t, the other control characters and U+2028, U+2029 as \u00xx, \u202x).

#include <string>

#include "accel/core/bytes.hpp"
#include "accel/ipld/value.hpp"

namespace accel::ipld {

// Canonical: no white space, keys sorted by bytes. Errors: invalid_argument (a key twice, text that
// is no UTF-8, NaN or an infinity, a map that would read as a link or as bytes, lists and maps
// deeper than kMaxValueDepth, those that spell links and bytes included), resource_exhausted (above
// kMaxBlockBytes).
Result<std::string> encode_dag_json(const Value& value);

// The whole of `text` must be one value. A number with a point or an exponent is a float, any other
// an integer. `historical` takes white space, keys in any order, other escapes and spellings of
// numbers, CIDs in any base, and base64 with padding.
// Errors: corrupt (not dag-json, or not canonical; the message says where and why),
// resource_exhausted (above kMaxBlockBytes, kMaxValueDepth or kMaxValues).
Result<Value> decode_dag_json(std::string_view text, Strictness strictness = Strictness::canonical);

}  // namespace accel::ipld
