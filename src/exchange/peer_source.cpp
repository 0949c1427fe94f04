// SPDX-License-Identifier: Apache-2.0
// One bitswap peer as a source of blocks: what the scheduler assigns to it is wanted of it.
#include <utility>

#include "accel/core/async/with_timeout.hpp"
#include "source.hpp"

namespace accel::exchange {
namespace {

// All share one stream, and wait in the peer's own queue: enough to fill it with small blocks.
constexpr std::uint32_t kMaxRequests = 256;

class PeerSource final : public Source {
 public:
  PeerSource(Bitswap& bitswap, ipld::Multiaddr address, bool connected, Urgency urgency)
      : bitswap_(bitswap),
        name_(address.to_string()),
        address_(std::move(address)),
        connected_(connected),
        urgency_(urgency) {}

  const std::string& name() const override { return name_; }
  SourceKind kind() const override { return SourceKind::peer; }
  std::uint32_t max_requests() const override { return kMaxRequests; }
  Task<SourceBlock> get(BlockCall call) override;

 private:
  Bitswap& bitswap_;
  std::string name_;
  ipld::Multiaddr address_;
  bool connected_;
  Urgency urgency_;
};

Task<SourceBlock> PeerSource::get(BlockCall call) {
  if (!connected_) {
    auto connecting = with_stop(bitswap_.connect(address_), call.stop);
    const auto peer = co_await std::move(connecting);
    if (!peer) co_return fail(peer.error());
    connected_ = true;
  }
  std::function<void()> on_heard = [on_bytes = std::move(call.on_bytes)] { on_bytes(0); };
  auto asking =
      bitswap_.get(*address_.peer_id(), call.cid, call.stop, std::move(on_heard), urgency_);
  Result<Bytes> bytes = co_await std::move(asking);
  if (!bytes) {
    connected_ = connected_ && bytes.error().code != Errc::unavailable;
    co_return fail(std::move(bytes).error());
  }
  SourceBlock block;
  block.bytes = std::move(*bytes);
  block.verified = true;
  co_return block;
}

}  // namespace

Result<std::unique_ptr<Source>> make_peer_source(Bitswap& bitswap, const std::string& address,
                                                 Urgency urgency) {
  ACCEL_TRY(ipld::Multiaddr parsed, ipld::Multiaddr::parse(address));
  if (!parsed.peer_id()) {
    return fail(Errc::invalid_argument,
                "The address {} names no peer; it must end in /p2p/ and the peer's id.", address);
  }
  return std::make_unique<PeerSource>(bitswap, std::move(parsed), false, urgency);
}

std::unique_ptr<Source> make_peer_source(Bitswap& bitswap, const ipld::PeerId& peer,
                                         Urgency urgency) {
  return std::make_unique<PeerSource>(bitswap, ipld::Multiaddr().with_peer(peer), true, urgency);
}

}  // namespace accel::exchange
