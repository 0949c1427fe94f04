// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a security handshake leaves behind: plain bytes to wire bytes and back. Two implementations:
// Noise and TLS. Private to libp2p; pure but for the random source of TLS.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/raw_buffer.hpp"
#include "accel/ipld/peer_id.hpp"

namespace accel::libp2p {

class SecureCodec {
 public:
  virtual ~SecureCodec() = default;
  // Appends to wire what carries plain. Errors: internal, resource_exhausted (nonces are used up).
  virtual Status seal(ByteView plain, RawBuffer& wire) = 0;
  // Takes what is whole off the front of wire and appends its content to plain.
  // Errors: protocol (forged or broken), unavailable (the peer has closed).
  virtual Status open(RawBuffer& wire, RawBuffer& plain) = 0;
};

// What every handshake finds out.
struct SecureSession {
  std::unique_ptr<SecureCodec> codec;
  std::optional<ipld::PeerId> peer;
  std::optional<std::string> muxer;  // When it was agreed upon inside the handshake.
};

inline constexpr std::string_view kYamuxProtocol = "/yamux/1.0.0";

// A handshake as a state machine over bytes.
class SecureHandshake {
 public:
  virtual ~SecureHandshake() = default;
  // Appends what is to be sent first.
  virtual Status start(RawBuffer& out) = 0;
  // Takes whole messages off the front of `in`, appends answers to out. Errors: protocol,
  // unauthenticated (the peer can't prove who it is, or is another than expected).
  virtual Status advance(RawBuffer& in, RawBuffer& out) = 0;
  virtual bool done() const = 0;
  // Once done.
  virtual SecureSession take() = 0;
};

}  // namespace accel::libp2p
