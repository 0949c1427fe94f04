// SPDX-License-Identifier: Apache-2.0
// A CID has one binary form and one canonical text: whatever is read must be written again equal.
#include <algorithm>

#include "accel/ipld/cid.hpp"

using accel::ByteView;
using accel::ipld::Cid;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_round_trip(const Cid& cid) {
  const accel::Bytes bytes = cid.bytes();
  require(bytes.size() == cid.size_bytes() && bytes.size() <= accel::ipld::kMaxCidBytes);
  require(Cid::from_bytes(bytes).value() == cid);
  require(Cid::parse(cid.to_string()).value() == cid);
  require(cid.as_v1().version() == 1 && cid.as_v1().hash() == cid.hash());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto prefix = Cid::read_prefix(input)) {
    require(std::ranges::equal(prefix->cid.bytes(), input.first(prefix->size)));
    check_round_trip(prefix->cid);
    (void)accel::ipld::verify_block(prefix->cid, input.subspan(prefix->size));
  }
  const auto whole = Cid::from_bytes(input);
  require(!whole || std::ranges::equal(whole->bytes(), input));
  if (const auto cid = Cid::parse(accel::as_text(input))) check_round_trip(*cid);
  return 0;
}
