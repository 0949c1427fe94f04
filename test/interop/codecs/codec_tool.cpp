// SPDX-License-Identifier: Apache-2.0
// Answers check.mjs: one question a line on stdin, one answer a line on stdout.
//   dag-cbor HEX | dag-json HEX   ->  ok DAG-CBOR-HEX DAG-JSON-HEX CID   ("-" for a codec that
//                                     cannot hold the value; CID is the block's own)
//   car HEX                       ->  ok HEX    (read, each block verified, and written again)
//   anything that is refused      ->  error SENTENCE
#include <iostream>

#include "accel/ipld/car.hpp"
#include "accel/ipld/codec.hpp"

using accel::Bytes;
using accel::ByteView;
using accel::Result;
using accel::ipld::Cid;
using accel::ipld::Codec;

namespace {

std::string hex_or_dash(const Result<Bytes>& block) {
  return block ? accel::to_hex(*block) : std::string("-");
}

Result<std::string> recode(Codec codec, ByteView block) {
  ACCEL_TRY(const auto value,
            accel::ipld::decode_value(codec, block, accel::ipld::Strictness::canonical));
  return fmt::format("{} {} {}", hex_or_dash(accel::ipld::encode_value(Codec::dag_cbor, value)),
                     hex_or_dash(accel::ipld::encode_value(Codec::dag_json, value)),
                     Cid::v1(codec, accel::ipld::sha2_256(block)));
}

Result<std::string> rewrite_car(ByteView archive) {
  accel::ipld::CarReader reader;
  reader.feed(archive);
  reader.finish();
  ACCEL_TRY(const auto header, reader.header());
  Bytes out;
  accel::ipld::CarWriter writer;
  ACCEL_CHECK(writer.start(header.value().roots, out));
  for (;;) {
    ACCEL_TRY(const auto block, reader.next());
    if (!block) return accel::to_hex(out);
    ACCEL_CHECK(accel::ipld::verify_car_block(*block));
    writer.add_block(block->cid, block->data, out);
  }
}

Result<std::string> answer(std::string_view question) {
  const std::size_t space = question.find(' ');
  const std::string_view name = question.substr(0, space);
  ACCEL_TRY(const Bytes bytes, accel::from_hex(question.substr(space + 1)));
  if (name == "dag-cbor") return recode(Codec::dag_cbor, bytes);
  if (name == "dag-json") return recode(Codec::dag_json, bytes);
  return rewrite_car(bytes);
}

}  // namespace

int main() {
  for (std::string question; std::getline(std::cin, question);) {
    const auto said = answer(question);
    std::cout << (said ? "ok " + *said : "error " + said.error().message) << std::endl;
  }
  return 0;
}
