// SPDX-License-Identifier: Apache-2.0
#pragma once
// The header of a Yamux frame. Private to libp2p. Spec: libp2p/specs yamux/README.md ("Framing"),
// all numbers big-endian.

#include <array>
#include <cstdint>
#include <span>

namespace accel::libp2p {

inline constexpr std::size_t kYamuxHeaderBytes = 12;

enum class YamuxType : std::uint8_t { data = 0, window_update = 1, ping = 2, go_away = 3 };

inline constexpr std::uint16_t kYamuxSyn = 1;
inline constexpr std::uint16_t kYamuxAck = 2;
inline constexpr std::uint16_t kYamuxFin = 4;
inline constexpr std::uint16_t kYamuxRst = 8;

enum class YamuxGoAway : std::uint32_t { normal = 0, protocol_error = 1, internal_error = 2 };

struct YamuxHeader {
  std::uint8_t version = 0;
  std::uint8_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t stream = 0;
  std::uint32_t length = 0;

  bool has(std::uint16_t flag) const { return (flags & flag) != 0; }
};

inline void put_yamux_header(std::uint8_t* out, const YamuxHeader& header) {
  out[0] = header.version;
  out[1] = header.type;
  out[2] = static_cast<std::uint8_t>(header.flags >> 8U);
  out[3] = static_cast<std::uint8_t>(header.flags & 0xffU);
  for (unsigned i = 0; i < 4; ++i) {
    out[4 + i] = static_cast<std::uint8_t>(header.stream >> (24 - 8 * i));
    out[8 + i] = static_cast<std::uint8_t>(header.length >> (24 - 8 * i));
  }
}

inline YamuxHeader read_yamux_header(std::span<const std::uint8_t, kYamuxHeaderBytes> in) {
  YamuxHeader header;
  header.version = in[0];
  header.type = in[1];
  header.flags = static_cast<std::uint16_t>((unsigned{in[2]} << 8U) | in[3]);
  for (unsigned i = 0; i < 4; ++i) {
    header.stream = (header.stream << 8U) | in[4 + i];
    header.length = (header.length << 8U) | in[8 + i];
  }
  return header;
}

}  // namespace accel::libp2p
