// SPDX-License-Identifier: Apache-2.0
#pragma once
// The protocols of a multiaddr and their values, as text and as bytes. Private to ipld.

#include <optional>
#include <string>
#include <string_view>

#include "accel/core/bytes.hpp"
#include "accel/ipld/multiaddr.hpp"

namespace accel::ipld::detail {

inline constexpr int kNoValue = 0;
inline constexpr int kLengthInFront = -1;

struct AddressProtocol {
  AddressCode code;
  std::string_view name;
  int value_bytes;  // kNoValue, kLengthInFront, or how many.
};

// Nothing for a protocol that is not known here.
const AddressProtocol* protocol_by_code(std::uint64_t code);
const AddressProtocol* protocol_by_name(std::string_view name);

// Errors: invalid_argument.
Result<Bytes> value_from_text(const AddressProtocol& protocol, std::string_view text);
Status check_value(const AddressProtocol& protocol, ByteView value);
// Of a value that check_value() took.
std::string value_to_text(AddressCode code, ByteView value);

}  // namespace accel::ipld::detail
