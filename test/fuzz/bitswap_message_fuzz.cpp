// SPDX-License-Identifier: Apache-2.0
// A message from a peer: read, its wants given to an engine, its blocks named by their bytes. What
// was read and is written again reads the same.
#include <cstdlib>

#include "../../src/exchange/bitswap/engine.hpp"
#include "../../src/exchange/bitswap/message.hpp"
#include "../../src/exchange/bitswap/wants.hpp"
#include "accel/ipld/varint.hpp"

namespace bitswap = accel::exchange::bitswap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = bitswap::decode_message({data, size});
  if (!message) {
    if (message.error().code != accel::Errc::protocol) std::abort();
    return 0;
  }
  bitswap::MessageBuilder builder;
  builder.set_wants(message->wants, message->full);
  bitswap::PeerWants wants;
  for (const bitswap::ReceivedBlock& block : message->blocks) {
    const auto cid = bitswap::cid_of(block.prefix, block.bytes);
    if (!cid) continue;
    if (!accel::ipld::verify_block(*cid, block.bytes)) std::abort();
    if (wants.block_came(*cid) == bitswap::Arrival::wanted) std::abort();
    std::ranges::copy(block.bytes, builder.add_block(*cid, block.bytes.size()).begin());
  }
  for (const bitswap::Presence& presence : message->presences) {
    builder.add_presence(presence);
    wants.presence_came(presence, {});
  }
  const accel::ByteView frame = builder.finish();
  const auto length = accel::ipld::get_uvarint(frame);
  if (!length) std::abort();
  const accel::ByteView body = frame.subspan(length->size);
  if (body.size() <= bitswap::kMaxMessageBytes) {
    const auto again = bitswap::decode_message(body);
    if (!again || again->wants.size() != message->wants.size()) std::abort();
    if (again->presences != message->presences) std::abort();
  }

  bitswap::EngineLimits limits;
  limits.wants_per_peer = 16;
  bitswap::Engine engine(limits);
  for (int round = 0; round < 2; ++round) {
    engine.step(bitswap::WantsReceived{1, message->wants, message->full}, {});
    if (engine.ledger(1).waiting > limits.wants_per_peer) std::abort();
  }
  return 0;
}
