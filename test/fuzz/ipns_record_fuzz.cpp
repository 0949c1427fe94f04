// SPDX-License-Identifier: Apache-2.0
// Records and names of IPNS: any bytes; a name that is read has one canonical text, and no record
// is accepted that another name's key signed.
#include "accel/ipld/ipns_record.hpp"

using accel::ByteView;
using accel::ipld::IpnsName;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

// The name of the corpus's records.
const IpnsName& known_name() {
  static const IpnsName name =
      IpnsName::parse("k51qzi5uqu5dit2ku9mutlfgwyz8u730on38kd10m97m36bjt66my99hb6103f").value();
  return name;
}

const IpnsName& other_name() {
  static const IpnsName name =
      IpnsName::parse("k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8").value();
  return name;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto name = IpnsName::parse(accel::as_text(input))) {
    require(IpnsName::parse(name->to_string()).value() == *name);
    require(IpnsName::parse(name->cid().to_string()).value() == *name);
  }
  if (const auto record = accel::ipld::read_ipns_record(known_name(), input)) {
    require(size <= accel::ipld::kMaxIpnsRecordBytes);
    require(!accel::ipld::read_ipns_record(other_name(), input));
    (void)accel::ipld::check_validity(known_name(), *record, {});
  }
  return 0;
}
