// SPDX-License-Identifier: Apache-2.0
// What others want of us: look-ups and reads on the pool, by the engine's orders.
#include <algorithm>

#include "accel/core/file.hpp"
#include "accel/core/log.hpp"
#include "bitswap_node.hpp"

namespace accel::exchange {
namespace {

using namespace bitswap;

// What may be served of it. A private block is not here, as far as others learn.
std::optional<std::uint64_t> servable_size(const blockstore::Store& store, const ipld::Cid& cid) {
  const auto hidden = store.is_private(cid);
  if (!hidden || *hidden) return std::nullopt;
  const auto size = store.size_of(cid);
  if (!size) return std::nullopt;
  return *size;
}

// It is neither private nor damaged.
bool is_absent(const blockstore::Store& store, const ipld::Cid& cid) {
  const auto here = store.has(cid);
  return here && !*here;
}

// As gateways send it: what lies in an owned file or a pack was verified when it was written; what
// lies elsewhere is hashed by get().
Status read_block(const blockstore::Store& store, const ipld::Cid& cid,
                  std::span<std::uint8_t> out) {
  ACCEL_TRY(const bool hidden, store.is_private(cid));
  if (hidden) return fail(Errc::not_found, "{} is not here.", cid);
  auto place = store.locate(cid);
  if (place && place->length == out.size()) return pread_all(place->fd.get(), out, place->offset);
  ACCEL_TRY(const Bytes block, store.get(cid));
  if (block.size() != out.size()) return fail(Errc::internal, "{} has changed its size.", cid);
  std::ranges::copy(block, out.begin());
  return {};
}

}  // namespace

void Bitswap::Impl::feed(const EngineEvent& event) {
  if (over_) return;
  for (EngineAction& action : engine_.step(event, context_.clock.now())) {
    if (auto* asked = std::get_if<LookUp>(&action)) {
      if (const PeerPtr peer = find(asked->peer)) ++peer->look_ups;
      tasks_.spawn(look_up(std::move(*asked)));
    } else if (auto* send = std::get_if<Send>(&action)) {
      tasks_.spawn(prepare(std::move(*send)));
    }
  }
}

Task<void> Bitswap::Impl::look_up(LookUp asked) {
  LookedUp answer{asked.peer, {}};
  std::vector<ipld::Cid> absent;
  auto job = [&](std::stop_token) -> Status {
    for (const ipld::Cid& cid : asked.cids) {
      answer.found.emplace_back(cid, servable_size(context_.store, cid));
      if (!answer.found.back().second && is_absent(context_.store, cid)) absent.push_back(cid);
    }
    return {};
  };
  auto looking = context_.pool.run(job);
  const Status looked = co_await std::move(looking);
  if (!looked) {  // A full pool: as if nothing were here, until the next look.
    answer.found.clear();
    for (const ipld::Cid& cid : asked.cids) answer.found.emplace_back(cid, std::nullopt);
  }
  if (const PeerPtr peer = find(asked.peer)) {
    --peer->look_ups;
    peer->room.cancel();
    const SteadyTime now = context_.clock.now();
    for (const ipld::Cid& cid : absent) demand_.note(peer->id, cid, now);
  }
  feed(answer);
  co_return Status{};
}

// Reading goes on while earlier messages are written.
Task<void> Bitswap::Impl::prepare(Send send) {
  const PeerPtr peer = find(send.peer);
  if (!peer) co_return Status{};
  Reply reply{std::make_unique<MessageBuilder>(peer->bare_blocks), std::move(send)};
  auto job = [&](std::stop_token) { return fill(*reply.message, reply.send); };
  auto reading = context_.pool.run(job);
  const Status read = co_await std::move(reading);
  if (!read || peer->gone || engine_.rests(peer->number, context_.clock.now())) {
    sent(std::move(reply), false);
    co_return Status{};
  }
  peer->outbox.push_back(std::move(reply));
  kick(peer);
  co_return Status{};
}

Status Bitswap::Impl::fill(MessageBuilder& builder, Send& send) const {
  using Kind = Send::Item::Kind;
  builder.reserve(send.cost);
  for (Send::Item& item : send.items) {
    if (item.kind == Kind::block) {
      const auto room = builder.add_block(item.cid, item.bytes);
      const Status read = read_block(context_.store, item.cid, room);
      if (read) continue;
      if (read.error().code != Errc::not_found) {
        log::warn("exchange", "A block that a peer wants could not be read.",
                  {log::field("cid", item.cid.to_string()),
                   log::field("reason", read.error().to_string())});
      }
      builder.drop_last_block();
      item.kind = Kind::dont_have;
    }
    builder.add_presence({item.cid, item.kind == Kind::have});
  }
  builder.set_pending_bytes(send.pending_bytes);
  return {};
}

void Bitswap::Impl::sent(Reply reply, bool delivered, bool timed_out) {
  for (const Send::Item& item : reply.send.items) {
    if (!delivered || item.kind != Send::Item::Kind::block) continue;
    count_.blocks_sent.add();
    count_.bytes_sent.add(static_cast<double>(item.bytes));
  }
  feed(MessageSent{std::move(reply.send), delivered, timed_out});
}

}  // namespace accel::exchange
