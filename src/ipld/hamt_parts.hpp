// SPDX-License-Identifier: Apache-2.0
#pragma once
// What readers and builders of sharded directories share. Private to ipld.

#include <cstdint>
#include <string>

namespace accel::ipld::detail {

// The slot as link names begin: upper-case hexadecimal, padded with zeros ("0A" at fan-out 256).
std::string hamt_prefix(std::uint32_t fanout, std::uint32_t index);

}  // namespace accel::ipld::detail
