// SPDX-License-Identifier: Apache-2.0
// What we want of others: blocks that a pull asked for, and who has a root.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "accel/core/async/with_timeout.hpp"
#include "bitswap_node.hpp"

namespace accel::exchange {
namespace {

using namespace bitswap;

constexpr Duration kTellEvery = std::chrono::milliseconds(200);

struct HashedBlock {
  ipld::Cid cid;
  Bytes bytes;
};

struct HashedBlocks {
  std::vector<HashedBlock> blocks;
  std::vector<std::size_t> strange;  // Sizes of those that no CID can be computed for.
};

}  // namespace

Task<Bytes> Bitswap::Impl::get(ipld::PeerId id, ipld::Cid cid, std::stop_token stop,
                               std::function<void()> on_heard, Urgency urgency) {
  if (over_) co_return fail(Errc::unavailable, "Bitswap is shutting down.");
  if (!is_computed(cid.hash().code(), cid.hash().digest().size())) {
    co_return fail(Errc::unsupported, "Block {} is hashed with {}, which is not computed here.",
                   cid, ipld::hash_name(cid.hash().code()));
  }
  // Kubo answers that it does not have the block of no bytes, whatever it has.
  if (ipld::verify_block(cid, {})) co_return Bytes{};
  const PeerPtr peer = peer_of(id);
  const SteadyTime now = context_.clock.now();
  if (peer->wants.lacks(cid, now)) {
    co_return fail(Errc::not_found, "The peer {} does not have {}.", id, cid);
  }
  if (!peer->wants.want(cid, WantType::block, now, urgency)) {
    co_return fail(Errc::resource_exhausted, "Too many blocks are wanted of {} already.", id);
  }
  Waiter waiter;
  waiter.on_heard = std::move(on_heard);
  peer->waiting[cid].push_back(&waiter);
  kick(peer);
  const std::function<void()> give_up = [&] { leave(peer, cid, waiter); };
  const std::stop_callback on_stop(stop, give_up);
  auto waiting = waiter.done.wait(give_up);
  co_await std::move(waiting);
  co_return std::move(waiter.block);
}

// The last one to leave takes the want back.
void Bitswap::Impl::leave(const PeerPtr& peer, const ipld::Cid& cid, Waiter& waiter) {
  const auto found = peer->waiting.find(cid);
  if (found == peer->waiting.end() || std::erase(found->second, &waiter) == 0) return;
  waiter.done.set();
  if (!found->second.empty()) return;
  peer->waiting.erase(found);
  peer->wants.cancel(cid);
  kick(peer);
}

// Hashing tells which block it is, and that it is right: once, off this thread.
Task<void> Bitswap::Impl::take_blocks(PeerPtr peer, RawBuffer frame,
                                      std::vector<ReceivedBlock> blocks) {
  const std::size_t taken = frame.size();
  auto job = [&](std::stop_token) -> Result<HashedBlocks> {
    HashedBlocks hashed;
    for (const ReceivedBlock& block : blocks) {
      auto cid = cid_of(block.prefix, block.bytes);
      if (cid) {
        hashed.blocks.push_back({*std::move(cid), to_bytes(block.bytes)});
      } else {
        hashed.strange.push_back(block.bytes.size());
      }
    }
    return hashed;
  };
  auto hashing = context_.pool.run(job);
  Result<HashedBlocks> hashed = co_await std::move(hashing);
  peer->unverified_bytes -= taken;
  peer->room.cancel();
  if (!hashed || peer->gone) co_return Status{};
  for (HashedBlock& block : hashed->blocks) take_block(*peer, block.cid, std::move(block.bytes));
  for (const std::size_t size : hashed->strange) {
    peer->wants.strange_block_came();
    peer->figures.bytes_unasked += size;
    count_.bytes_unasked.add(static_cast<double>(size));
  }
  co_return Status{};
}

void Bitswap::Impl::take_block(Peer& peer, const ipld::Cid& cid, Bytes block) {
  const auto size = static_cast<double>(block.size());
  ++peer.figures.blocks_received;
  peer.figures.bytes_received += block.size();
  count_.blocks_received.add();
  count_.bytes_received.add(size);
  switch (peer.wants.block_came(cid)) {
    case Arrival::late:
      peer.figures.bytes_duplicate += block.size();
      return count_.bytes_duplicate.add(size);
    case Arrival::unasked:
      peer.figures.bytes_unasked += block.size();
      return count_.bytes_unasked.add(size);
    case Arrival::wanted:
      answer_probes(peer, cid, true);
      return answer_waiters(peer, cid, std::move(block));
  }
}

void Bitswap::Impl::take_presence(Peer& peer, const Presence& presence) {
  const bool waits_for_block = peer.waiting.contains(presence.cid);
  const bool ended = peer.wants.presence_came(presence, context_.clock.now());
  answer_probes(peer, presence.cid, presence.have);
  if (!ended || !waits_for_block) return;
  answer_waiters(peer, presence.cid,
                 fail(Errc::not_found, "The peer {} does not have {}.", peer.id, presence.cid));
}

void Bitswap::Impl::answer_waiters(Peer& peer, const ipld::Cid& cid, Result<Bytes> block) {
  const auto found = peer.waiting.find(cid);
  if (found == peer.waiting.end()) return;
  const std::vector<Waiter*> waiters = std::move(found->second);
  peer.waiting.erase(found);
  for (Waiter* waiter : waiters) {
    waiter->block = waiter == waiters.back() ? std::move(block) : block;
    waiter->done.set();
  }
}

void Bitswap::Impl::answer_probes(Peer& peer, const ipld::Cid& cid, bool have) {
  const auto found = peer.probes.find(cid);
  if (found == peer.probes.end()) return;
  const std::vector<Probe*> probes = std::move(found->second);
  peer.probes.erase(found);
  for (Probe* probe : probes) {
    if (have) probe->having.push_back(peer.id);
    if (--probe->open == 0) probe->done.set();
  }
}

void Bitswap::Impl::fail_all(Peer& peer, const Error& error) {
  for (const ipld::Cid& cid : peer.wants.owed_list()) peer.wants.cancel(cid);
  while (!peer.probes.empty()) answer_probes(peer, peer.probes.begin()->first, false);
  while (!peer.waiting.empty()) {
    const ipld::Cid cid = peer.waiting.begin()->first;
    answer_waiters(peer, cid, fail(Error(error)));
  }
}

// Nobody knows which block it is before all of it is here, but the peer is at work.
void Bitswap::Impl::tell_heard(Peer& peer) {
  const SteadyTime now = context_.clock.now();
  peer.wants.heard(now);
  if (now - peer.told_heard < kTellEvery) return;
  peer.told_heard = now;
  std::vector<std::function<void()>> calls;  // Who is told may leave.
  for (const auto& [cid, waiters] : peer.waiting) {
    for (const Waiter* waiter : waiters) {
      if (waiter->on_heard) calls.push_back(waiter->on_heard);
    }
  }
  for (const auto& call : calls) call();
}

Task<std::vector<ipld::PeerId>> Bitswap::Impl::who_has(ipld::Cid cid, Duration wait,
                                                       std::stop_token stop) {
  Probe probe;
  std::vector<PeerPtr> asked;
  for (const ipld::PeerId& id : wire_.connected()) {
    const PeerPtr peer = peer_of(id);
    if (!peer->wants.want(cid, WantType::have, context_.clock.now())) continue;
    peer->probes[cid].push_back(&probe);
    ++probe.open;
    asked.push_back(peer);
    kick(peer);
  }
  // The probe is taken out of every list before it goes, however this ends.
  const std::function<void()> end = [&] {
    for (const PeerPtr& peer : asked) {
      const auto found = peer->probes.find(cid);
      if (found == peer->probes.end() || std::erase(found->second, &probe) == 0) continue;
      if (!found->second.empty()) continue;
      peer->probes.erase(found);
      if (peer->waiting.contains(cid)) continue;
      peer->wants.cancel(cid);
      kick(peer);
    }
    probe.done.set();
  };
  if (asked.empty()) co_return std::vector<ipld::PeerId>{};
  boost::asio::steady_timer timer(executor_, wait);
  // A timer that has rung may be heard after all is over: then nobody holds the call any more.
  const auto call = std::make_shared<std::function<void()>>(end);
  timer.async_wait([late = std::weak_ptr(call)](const boost::system::error_code& error) {
    const auto held = late.lock();
    if (!error && held) (*held)();
  });
  const std::stop_callback on_stop(stop, end);
  auto waiting = probe.done.wait(end);
  co_await std::move(waiting);
  co_return std::move(probe.having);
}

}  // namespace accel::exchange
