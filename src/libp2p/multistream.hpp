// SPDX-License-Identifier: Apache-2.0
#pragma once
// Agreeing on a protocol by name: multistream-select 1.0. A state machine without I/O, for
// connections and for each stream. Private to libp2p. Spec: libp2p/specs connections/README.md
// ("Protocol Negotiation"), multiformats/multistream-select.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"

namespace accel::libp2p {

inline constexpr std::size_t kMaxMultistreamMessage = 1024;  // As go-multistream.
inline constexpr std::size_t kMaxProposals = 64;  // A peer that guesses on and on is sent away.

class Multistream {
 public:
  // Proposes one after the other, the first together with the header.
  static Multistream initiator(std::vector<std::string> protocols);
  using Supports = std::function<bool(const std::string&)>;
  static Multistream responder(Supports supports);

  // What is to be sent, once.
  Bytes take_output();
  // Bytes that the next message surely still needs, at least 1: reading no more than that leaves
  // what follows the negotiation alone.
  std::size_t wanted() const;
  // Takes at most wanted() bytes. Errors: protocol, unsupported (the peer speaks none of ours).
  Status receive(ByteView bytes);
  // The protocol, once both agree; take_output() may still hold the last word.
  const std::optional<std::string>& agreed() const { return agreed_; }

 private:
  explicit Multistream(bool initiates) : initiates_(initiates) {}
  void propose();
  Status handle(std::string_view message);
  Status handle_reply(std::string_view message);
  Status handle_proposal(std::string_view message);

  bool initiates_ = false;
  bool greeted_ = false;
  std::vector<std::string> protocols_;  // Of the initiator.
  std::size_t next_ = 0;
  Supports supports_;  // Of the responder.
  std::size_t refused_ = 0;
  Bytes input_;  // One message in parts, its length in front.
  Bytes output_;
  std::optional<std::string> agreed_;
};

}  // namespace accel::libp2p
