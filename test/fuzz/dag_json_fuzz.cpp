// SPDX-License-Identifier: Apache-2.0
// What is read as canonical is written again equal; any other spelling has one canonical form that
// means the same, in dag-cbor too.
#include "accel/ipld/dag_json.hpp"

#include "accel/ipld/dag_cbor.hpp"
#include "accel/ipld/dag_pb.hpp"

using accel::ipld::Strictness;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = accel::as_text(accel::ByteView(data, size));
  const auto canonical = accel::ipld::decode_dag_json(text);
  const auto historical = accel::ipld::decode_dag_json(text, Strictness::historical);
  if (canonical) {
    require(historical.has_value() && *historical == *canonical);
    require(accel::ipld::encode_dag_json(*canonical).value() == text);
  }
  if (!historical) return 0;
  const auto written = accel::ipld::encode_dag_json(*historical);
  require(written.has_value() || size > accel::ipld::kMaxBlockBytes / 8);  // Escapes are longer.
  if (!written) return 0;
  require(accel::ipld::decode_dag_json(*written).value() == *historical);
  const auto block = accel::ipld::encode_dag_cbor(*historical);
  require(block.has_value());
  require(accel::ipld::decode_dag_cbor(*block).value() == *historical);
  return 0;
}
