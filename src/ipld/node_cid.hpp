// SPDX-License-Identifier: Apache-2.0
#pragma once
// The CID that a profile gives to a dag-pb block. Private to ipld.

#include "accel/ipld/cid.hpp"
#include "accel/ipld/profile.hpp"

namespace accel::ipld::detail {

inline Cid dag_pb_cid(const ImportProfile& profile, Multihash hash) {
  const bool is_v0 = profile.cid_version == 0 && hash.code() == HashCode::sha2_256;
  return is_v0 ? Cid::v0(std::move(hash)) : Cid::v1(Codec::dag_pb, std::move(hash));
}

}  // namespace accel::ipld::detail
