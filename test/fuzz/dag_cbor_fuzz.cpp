// SPDX-License-Identifier: Apache-2.0
// What is read as canonical is written again equal. What only history allows has one canonical form
// that means the same, unless it has no place there (text that is no UTF-8).
#include "accel/ipld/dag_cbor.hpp"

#include <algorithm>

#include "accel/ipld/codec.hpp"
#include "accel/ipld/dag_json.hpp"

using accel::Bytes;
using accel::ByteView;
using accel::ipld::Strictness;
using accel::ipld::Value;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_written(const Value& value) {
  if (const auto written = accel::ipld::encode_dag_cbor(value)) {
    const auto again = accel::ipld::decode_dag_cbor(*written);
    require(again.has_value() && *again == value);
    require(accel::ipld::encode_dag_cbor(*again).value() == *written);
  }
  if (const auto text = accel::ipld::encode_dag_json(value)) {
    const auto again = accel::ipld::decode_dag_json(*text);
    require(again.has_value() && *again == value);
  }
}

void check_steps(const Value& value) {
  if (const Value::Map* const map = value.as_map()) {
    for (const auto& entry : *map) {
      require(*accel::ipld::resolve_step(value, entry.key) == &entry.value);
    }
  }
  if (const Value::List* const list = value.as_list(); list != nullptr && !list->empty()) {
    const std::string last = std::to_string(list->size() - 1);
    require(*accel::ipld::resolve_step(value, last) == &list->back());
    require(!accel::ipld::resolve_step(value, std::to_string(list->size())));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView block(data, size);
  const auto canonical = accel::ipld::decode_dag_cbor(block);
  const auto historical = accel::ipld::decode_dag_cbor(block, Strictness::historical);
  if (canonical) {
    require(historical.has_value() && *historical == *canonical);
    require(std::ranges::equal(accel::ipld::encode_dag_cbor(*canonical).value(), block));
  }
  if (!historical) return 0;
  check_written(*historical);
  check_steps(*historical);
  const auto cid = accel::ipld::Cid::v1(accel::ipld::Codec::dag_cbor, accel::ipld::Multihash{});
  require(accel::ipld::links_of(cid, block).value() == accel::ipld::links_of(*historical));
  return 0;
}
