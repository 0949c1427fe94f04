// SPDX-License-Identifier: Apache-2.0
#include "wants.hpp"

#include <algorithm>

namespace accel::exchange::bitswap {
namespace {

// What counts is which is larger: within one class the scheduler asks only for what is next.
constexpr std::int32_t priority_of(Urgency urgency) {
  return urgency == Urgency::foreground ? 1 << 20 : 1;
}

}  // namespace

bool PeerWants::want(const ipld::Cid& cid, WantType type, SteadyTime now, Urgency urgency) {
  const auto found = owed_.find(cid);
  if (found == owed_.end() && owed_.size() >= limits_.wants) return false;
  if (found != owed_.end()) {
    const Owed& owed = found->second;
    const bool hurries = owed.urgency == Urgency::background && urgency == Urgency::foreground;
    if (!hurries && (owed.type == type || type == WantType::have)) return true;
    if (owed.type == WantType::block) type = owed.type;
    if (owed.urgency == Urgency::foreground) urgency = owed.urgency;
  }
  owed_[cid] = {type, now, false, urgency};
  if (in_news_.insert(cid).second) news_.push_back(cid);
  return true;
}

// What was never said need not be taken back, but then it may be in the news, where it is skipped.
void PeerWants::cancel(const ipld::Cid& cid) {
  const auto found = owed_.find(cid);
  if (found == owed_.end()) return;
  const bool said = found->second.said;
  owed_.erase(found);
  if (!said) return;
  remember(cid);
  if (in_news_.insert(cid).second) news_.push_back(cid);
}

void PeerWants::remember(const ipld::Cid& cid) {
  if (!past_.insert(cid).second) return;
  past_order_.push_back(cid);
  if (past_order_.size() <= limits_.remembered) return;
  past_.erase(past_order_.front());
  past_order_.pop_front();
}

std::vector<ipld::Cid> PeerWants::owed_list() const {
  std::vector<ipld::Cid> cids;
  for (const auto& [cid, owed] : owed_) cids.push_back(cid);
  return cids;
}

bool PeerWants::lacks(const ipld::Cid& cid, SteadyTime now) const {
  const auto found = lacks_.find(cid);
  return found != lacks_.end() && now - found->second < limits_.forget_lack;
}

PeerWants::List PeerWants::next_list(SteadyTime now) {
  List list;
  const auto say = [&](const ipld::Cid& cid, Owed& owed) {
    owed.said = true;
    owed.asked = now;
    list.entries.push_back({cid, priority_of(owed.urgency), owed.type, false, true});
  };
  if (fresh_stream_) {
    fresh_stream_ = false;
    list.full = true;
    news_.clear();
    in_news_.clear();
    for (auto& [cid, owed] : owed_) say(cid, owed);
    return list;
  }
  while (!news_.empty() && list.entries.size() < limits_.entries_per_message) {
    const ipld::Cid cid = std::move(news_.front());
    news_.pop_front();
    in_news_.erase(cid);
    const auto found = owed_.find(cid);
    if (found != owed_.end()) {
      say(cid, found->second);
    } else if (past_.contains(cid)) {
      list.entries.push_back({cid, 0, WantType::block, true, false});
    }
  }
  return list;
}

Arrival PeerWants::block_came(const ipld::Cid& cid) {
  lacks_.erase(cid);
  if (owed_.erase(cid) > 0) {
    unasked_in_row_ = 0;
    remember(cid);
    return Arrival::wanted;
  }
  if (past_.contains(cid)) return Arrival::late;
  ++unasked_in_row_;
  return Arrival::unasked;
}

bool PeerWants::presence_came(const Presence& presence, SteadyTime now) {
  const auto found = owed_.find(presence.cid);
  if (found == owed_.end()) return false;
  if (presence.have) {
    lacks_.erase(presence.cid);
    if (found->second.type == WantType::block) return false;  // The block is to come.
    owed_.erase(found);
    remember(presence.cid);
    return true;
  }
  // It would send the block once it has it, to somebody who has gone elsewhere.
  cancel(presence.cid);
  if (lacks_.insert_or_assign(presence.cid, now).second) lacks_order_.push_back(presence.cid);
  if (lacks_order_.size() > limits_.remembered) {
    lacks_.erase(lacks_order_.front());
    lacks_order_.pop_front();
  }
  return true;
}

// One sign of life is enough for all wants: a busy peer answers in its own order.
bool PeerWants::tick(SteadyTime now) {
  for (auto& [cid, owed] : owed_) {
    const SteadyTime last = std::max(owed.asked, heard_);
    if (!owed.said || now - last < limits_.ask_again) continue;
    owed.asked = now;
    if (in_news_.insert(cid).second) news_.push_back(cid);
  }
  return has_news();
}

}  // namespace accel::exchange::bitswap
