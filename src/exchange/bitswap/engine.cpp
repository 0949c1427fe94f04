// SPDX-License-Identifier: Apache-2.0
#include "engine.hpp"

#include <algorithm>
#include <unordered_set>

namespace accel::exchange::bitswap {
namespace {

using Kind = Send::Item::Kind;

std::uint64_t cost(Kind kind, std::uint64_t bytes) {
  return kItemOverheadBytes + (kind == Kind::block ? bytes : 0);
}

}  // namespace

std::vector<EngineAction> Engine::step(const EngineEvent& event, SteadyTime now) {
  actions_.clear();
  if (now_ == SteadyTime{}) looked_again_at_ = now;
  now_ = std::max(now, now_);
  std::visit([this](const auto& value) { on(value); }, event);
  serve();
  return std::move(actions_);
}

void Engine::on(const WantsReceived& event) {
  Peer& peer = peers_[event.peer];
  if (event.full) replace_list(peer, event.wants);
  std::vector<ipld::Cid> looking;
  for (const WantEntry& entry : event.wants) {
    if (entry.cancel) {
      ++peer.ledger.cancels;
      cancel(peer, entry.cid);
    } else if (add(peer, entry)) {
      looking.push_back(entry.cid);
    }
  }
  begin_looking(event.peer, peer, std::move(looking));
  activate(event.peer, peer);
}

void Engine::begin_looking(PeerNumber number, Peer& peer, std::vector<ipld::Cid> cids) {
  if (cids.empty()) return;
  ++peer.looking;
  actions_.emplace_back(LookUp{number, std::move(cids)});
}

// What the new list does not name is wanted no more.
void Engine::replace_list(Peer& peer, const std::vector<WantEntry>& wants) {
  std::unordered_set<ipld::Cid> kept;
  for (const WantEntry& entry : wants) kept.insert(entry.cid);
  std::vector<ipld::Cid> dropped;
  for (const auto& [cid, want] : peer.wants) {
    if (!kept.contains(cid)) dropped.push_back(cid);
  }
  for (const ipld::Cid& cid : dropped) cancel(peer, cid);
}

// What is being sent can't be called back; it is forgotten when it has gone.
void Engine::cancel(Peer& peer, const ipld::Cid& cid) {
  const auto found = peer.wants.find(cid);
  if (found == peer.wants.end() || found->second.stage == Stage::sending) return;
  unqueue(peer, found->second);
  peer.wants.erase(found);
}

bool Engine::add(Peer& peer, const WantEntry& entry) {
  ++peer.ledger.wants;
  const auto found = peer.wants.find(entry.cid);
  if (found == peer.wants.end()) {
    if (peer.wants.size() >= limits_.wants_per_peer) {
      refuse(peer, entry);
      return false;
    }
    WantState want;
    want.type = entry.type;
    want.send_dont_have = entry.send_dont_have;
    want.priority = entry.priority;
    peer.wants.emplace(entry.cid, want);
    return true;
  }
  WantState& want = found->second;
  // Who asks again while the answer is under way has not seen it yet.
  if (want.stage == Stage::sending) return false;
  // A want for the block is not taken back by the question whether it is here.
  const bool grows = want.type == WantType::have && entry.type == WantType::block;
  if (grows) want.type = WantType::block;
  want.send_dont_have = want.send_dont_have || entry.send_dont_have;
  set_priority(peer, want, entry.priority);
  want.said_dont_have = false;
  if (want.stage == Stage::looking) return false;
  if (want.stage == Stage::queued && !grows) return false;
  // What was not here a moment ago is not here: the answer is known, the next look comes by itself.
  if (want.stage == Stage::absent && now_ - want.looked_at < limits_.look_up_again) {
    say_absent(peer, entry.cid, want);
    return false;
  }
  unqueue(peer, want);
  want.stage = Stage::looking;
  return true;
}

void Engine::say_absent(Peer& peer, const ipld::Cid& cid, WantState& want) {
  if (!want.send_dont_have || want.said_dont_have) return;
  want.said_dont_have = true;
  want.answer = Kind::dont_have;
  want.bytes = 0;
  enqueue(peer, cid, want);
}

void Engine::refuse(Peer& peer, const WantEntry& entry) {
  ++peer.ledger.wants_refused;
  if (!entry.send_dont_have || peer.refusals.size() >= limits_.wants_per_peer) return;
  peer.refusals.push_back(entry.cid);
}

void Engine::on(const LookedUp& event) {
  const auto found = peers_.find(event.peer);
  if (found == peers_.end()) return;
  if (found->second.looking > 0) --found->second.looking;
  for (const auto& [cid, bytes] : event.found) answer(found->second, cid, bytes);
  activate(event.peer, found->second);
}

void Engine::answer(Peer& peer, const ipld::Cid& cid, std::optional<std::uint64_t> bytes) {
  const auto found = peer.wants.find(cid);
  if (found == peer.wants.end() || found->second.stage != Stage::looking) return;  // Cancelled.
  WantState& want = found->second;
  if (bytes && *bytes > kMaxWireBlockBytes) bytes.reset();  // It can't travel.
  want.stage = Stage::absent;
  want.looked_at = now_;
  if (!bytes) return say_absent(peer, cid, want);
  const bool whole = want.type == WantType::block || *bytes <= limits_.small_block_bytes;
  want.answer = whole ? Kind::block : Kind::have;
  want.bytes = *bytes;
  enqueue(peer, cid, want);
}

void Engine::enqueue(Peer& peer, const ipld::Cid& cid, WantState& want) {
  want.stage = Stage::queued;
  want.key = {-std::int64_t{want.priority}, next_sequence_++};
  peer.queue.emplace(want.key, cid);
  if (want.answer == Kind::block) peer.queued_bytes += want.bytes;
}

// What waits moves to its new place.
void Engine::set_priority(Peer& peer, WantState& want, std::int32_t priority) {
  want.priority = priority;
  if (want.stage != Stage::queued || want.key.first == -std::int64_t{priority}) return;
  auto waiting = peer.queue.extract(want.key);
  want.key.first = -std::int64_t{priority};
  waiting.key() = want.key;
  peer.queue.insert(std::move(waiting));
}

void Engine::unqueue(Peer& peer, WantState& want) {
  if (want.stage != Stage::queued) return;
  peer.queue.erase(want.key);
  if (want.answer == Kind::block) peer.queued_bytes -= want.bytes;
  want.stage = Stage::absent;
}

void Engine::on(const MessageSent& event) {
  const auto found = peers_.find(event.message.peer);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  peer.outstanding -= event.message.cost;
  outstanding_ -= event.message.cost;
  for (const Send::Item& item : event.message.items) {
    const auto want = peer.wants.find(item.cid);
    const bool sent = want != peer.wants.end() && want->second.stage == Stage::sending;
    if (sent && (item.kind == Kind::block || !event.delivered)) {
      peer.wants.erase(want);
    } else if (sent) {
      want->second.stage = Stage::absent;
    }
    if (!event.delivered) continue;
    if (item.kind == Kind::block) {
      ++peer.ledger.blocks_sent;
      peer.ledger.bytes_sent += item.bytes;
    } else {
      ++peer.ledger.presences_sent;
    }
  }
  if (event.timed_out) give_up(peer);
  activate(event.message.peer, peer);
}

// Its queue would fill the budgets again. What it asks for while it rests is answered afterwards.
void Engine::give_up(Peer& peer) {
  peer.rests_until = now_ + limits_.rest;
  peer.queue.clear();
  peer.refusals.clear();
  peer.queued_bytes = 0;
  std::erase_if(peer.wants, [](const auto& item) { return item.second.stage != Stage::sending; });
}

void Engine::on(const PeerGone& event) {
  const auto found = peers_.find(event.peer);
  if (found == peers_.end()) return;
  outstanding_ -= found->second.outstanding;
  std::erase(turns_, event.peer);
  peers_.erase(found);
}

// Peers in turn, so that one with a long list does not take all look-ups.
void Engine::on(const EngineTick&) {
  for (auto& [number, peer] : peers_) activate(number, peer);  // Who has rested.
  if (now_ - looked_again_at_ < limits_.look_up_again || peers_.empty()) return;
  looked_again_at_ = now_;
  const std::size_t share = std::max<std::size_t>(limits_.look_ups_per_tick / peers_.size(), 1);
  std::vector<PeerNumber> numbers;
  for (const auto& [number, peer] : peers_) numbers.push_back(number);
  std::ranges::sort(numbers);
  auto first = std::ranges::upper_bound(numbers, look_again_from_);
  std::ranges::rotate(numbers, first == numbers.end() ? numbers.begin() : first);
  std::size_t left = limits_.look_ups_per_tick;
  for (const PeerNumber number : numbers) {
    Peer& peer = peers_.at(number);
    auto cids = to_look_again(peer, std::min(share, left));
    left -= cids.size();
    begin_looking(number, peer, std::move(cids));
    look_again_from_ = number;
    if (left == 0) break;
  }
}

// The next ones each time, from the front again after the last.
std::vector<ipld::Cid> Engine::to_look_again(Peer& peer, std::size_t most) {
  std::vector<ipld::Cid> cids;
  if (peer.looking > 0 || now_ < peer.rests_until) return cids;  // One look-up of it at a time.
  std::size_t absent = 0;
  for (auto& [cid, want] : peer.wants) {
    if (cids.size() == most) break;
    if (want.stage != Stage::absent || absent++ < peer.looked_again) continue;
    want.stage = Stage::looking;
    cids.push_back(cid);
  }
  peer.looked_again = cids.size() < most ? 0 : absent;
  return cids;
}

bool Engine::may_send(const Peer& peer) const {
  if (peer.queue.empty() && peer.refusals.empty()) return false;
  if (now_ < peer.rests_until) return false;
  return peer.outstanding == 0 ||
         peer.outstanding + cost_of_next(peer) <= limits_.outstanding_per_peer;
}

void Engine::activate(PeerNumber number, Peer& peer) {
  if (peer.active || !may_send(peer)) return;
  peer.active = true;
  turns_.push_back(number);
}

std::uint64_t Engine::cost_of_next(const Peer& peer) const {
  if (!peer.refusals.empty() || peer.queue.empty()) return kItemOverheadBytes;
  const WantState& want = peer.wants.at(peer.queue.begin()->second);
  return cost(want.answer, want.bytes);
}

// Deficit round robin (Shreedhar and Varghese, 1996): each turn adds to what a peer may take; what
// it can't use now stays for its next turn, unless it wants nothing more.
void Engine::serve() {
  while (!turns_.empty() && outstanding_ < limits_.outstanding) {
    const PeerNumber number = turns_.front();
    Peer& peer = peers_.at(number);
    if (!may_send(peer)) {
      turns_.pop_front();
      peer.active = false;
      if (peer.queue.empty()) peer.deficit = 0;
      continue;
    }
    if (peer.deficit < static_cast<std::int64_t>(cost_of_next(peer))) {
      peer.deficit += static_cast<std::int64_t>(limits_.turn_bytes);
      turns_.pop_front();
      turns_.push_back(number);
      continue;
    }
    send_some(number, peer);
  }
  if (!turns_.empty()) serve_those_without();
}

// The budget is spent, perhaps by peers that never read: one message more for whoever has none.
void Engine::serve_those_without() {
  for (const PeerNumber number : turns_) {
    Peer& peer = peers_.at(number);
    if (peer.outstanding > 0 || !may_send(peer)) continue;
    const std::uint64_t turn = std::max(limits_.turn_bytes, cost_of_next(peer));
    peer.deficit = std::max(peer.deficit, static_cast<std::int64_t>(turn));
    send_some(number, peer);
  }
}

void Engine::send_some(PeerNumber number, Peer& peer) {
  Send message{number, {}, 0, 0};
  const auto fits = [&] {
    return may_send(peer) && message.cost < limits_.message_bytes &&
           message.items.size() < kMaxMessageItems &&
           peer.deficit >= static_cast<std::int64_t>(cost_of_next(peer));
  };
  while (fits()) {
    const std::uint64_t price = cost_of_next(peer);
    peer.deficit -= static_cast<std::int64_t>(price);
    peer.outstanding += price;
    outstanding_ += price;
    message.cost += price;
    message.items.push_back(take_next(peer));
  }
  message.pending_bytes = peer.queued_bytes;
  actions_.emplace_back(std::move(message));
}

Send::Item Engine::take_next(Peer& peer) {
  if (!peer.refusals.empty()) {
    const ipld::Cid cid = peer.refusals.back();
    peer.refusals.pop_back();
    return {cid, Kind::dont_have, 0};
  }
  const ipld::Cid cid = peer.queue.begin()->second;
  WantState& want = peer.wants.at(cid);
  const Send::Item item{cid, want.answer, want.bytes};
  unqueue(peer, want);
  // What is not here stays wanted. Whoever learns that it is here will ask for it, perhaps before
  // we know that the message has gone: that question is done.
  if (item.kind == Kind::block) want.stage = Stage::sending;
  if (item.kind == Kind::have) peer.wants.erase(cid);
  return item;
}

Ledger Engine::ledger(PeerNumber number) const {
  const auto found = peers_.find(number);
  if (found == peers_.end()) return {};
  Ledger ledger = found->second.ledger;
  ledger.waiting = found->second.wants.size();
  return ledger;
}

bool Engine::rests(PeerNumber number, SteadyTime now) const {
  const auto found = peers_.find(number);
  return found != peers_.end() && now < found->second.rests_until;
}

std::vector<ipld::Cid> Engine::wantlist(PeerNumber number) const {
  std::vector<ipld::Cid> cids;
  const auto found = peers_.find(number);
  if (found == peers_.end()) return cids;
  for (const auto& [cid, want] : found->second.wants) cids.push_back(cid);
  return cids;
}

}  // namespace accel::exchange::bitswap
