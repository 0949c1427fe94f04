// SPDX-License-Identifier: Apache-2.0
#include "llama/slot_planner.hpp"

#include <algorithm>
#include <utility>

namespace accel::inference::llama {

SlotPlanner::SlotPlanner(SlotLimits limits) : limits_(limits) {
  limits_.batch = std::max(limits_.batch, limits_.slots);
  for (std::size_t slot = limits_.slots; slot > 0; --slot) free_.push_back(slot - 1);
}

Status SlotPlanner::admits(std::size_t prompt, std::size_t max_tokens) const {
  if (prompt == 0 || max_tokens == 0)
    return fail(Errc::invalid_argument, "A text needs a prompt and room for one token.");
  const std::size_t most = std::min(limits_.per_text, limits_.context);
  if (prompt >= most || max_tokens > most - prompt) {
    return fail(Errc::invalid_argument,
                "The prompt has {} tokens and the answer may have {}, but the context holds {}.",
                prompt, max_tokens, most);
  }
  if (waiting_.size() >= limits_.max_waiting + free_.size()) {
    return fail(Errc::resource_exhausted,
                "{} texts are being written and {} wait already; try again later.", running_.size(),
                waiting_.size());
  }
  return {};
}

Status SlotPlanner::submit(RequestId id, std::size_t prompt, std::size_t max_tokens, Prefix prefix,
                           Priority priority) {
  ACCEL_CHECK(admits(prompt, max_tokens));
  waiting_.push_back({.id = id,
                      .prompt = prompt,
                      .reserved = prompt + max_tokens,
                      .prefix = std::move(prefix),
                      .priority = priority});
  return {};
}

std::vector<Move> SlotPlanner::seat() {
  std::vector<Move> moves;
  while (!waiting_.empty() && !free_.empty()) {
    const auto next = next_in_line(waiting_, passed_over_, &Text::priority);
    // Smaller ones do not overtake it: it would wait for ever.
    if (next->reserved > limits_.context - reserved_) break;
    passed_over_.started(next != waiting_.begin());
    seat_next(next, moves);
  }
  return moves;
}

// A running text's answer is not looked at: who goes on from it comes when it has ended.
SlotPlanner::Source SlotPlanner::source_for(const Text& text) const {
  const auto& [tokens, scope] = text.prefix;
  if (tokens.empty()) return {};
  // The last token of a prompt is always decoded: its logits are wanted.
  const std::span<const TokenId> prompt = tokens.first(tokens.size() - 1);
  Source source;
  if (const auto match = cache_.best(prompt, scope); match && match->length >= kLeastPrefix)
    source = {match->slot, match->length, match->held <= 2 * match->length};
  for (const Text& other : running_) {
    if (other.prefix.scope != scope) continue;
    const auto held = other.prefix.tokens;
    const auto there = held.first(std::min(held.size(), other.done));
    const std::size_t length = common_prefix(there, prompt);
    // Of what is alike, that which needs no way back into the context.
    const bool better = length > source.length || (length == source.length && !source.in_place);
    if (length >= kLeastPrefix && better) source = {other.slot, length, false};
  }
  // With one slot alone there is no room for a copy.
  if (source.length > 0 && free_.size() == 1 && free_.front() == source.slot)
    source.in_place = true;
  return source;
}

// Where the text goes: on from what is there, else to an empty slot, else to that which was used
// longest ago.
std::size_t SlotPlanner::take_slot(const Source& source) {
  auto chosen = free_.end();
  if (source.in_place) {
    chosen = std::ranges::find(free_, source.slot);
  } else {
    const auto empty = std::find_if(free_.rbegin(), free_.rend(),
                                    [&](std::size_t slot) { return !cache_.holds(slot); });
    chosen = empty != free_.rend() ? std::next(empty).base()
                                   : std::ranges::find(free_, cache_.oldest().value_or(0));
  }
  const std::size_t slot = *chosen;
  free_.erase(chosen);
  return slot;
}

void SlotPlanner::seat_next(std::deque<Text>::iterator next, std::vector<Move>& moves) {
  Text& first = *next;
  const Source source = source_for(first);
  first.slot = take_slot(source);
  // The oldest may be the very source of the copy.
  const bool from_there = source.length > 0 && source.slot == first.slot;
  first.done = source.length;
  moves.push_back(
      {first.slot, first.done, first.done > 0 && !from_there ? source.slot : first.slot, first.id});
  cache_.drop(first.slot);
  reserved_ += first.reserved;
  while (reserved_ + cache_.tokens() > limits_.context) {
    const std::size_t oldest = *cache_.oldest();
    cache_.drop(oldest);
    moves.push_back({oldest, 0, oldest, 0});
  }
  running_.push_back(std::move(first));
  waiting_.erase(next);
}

void SlotPlanner::start_over(RequestId id) {
  if (Text* const text = running_text(id)) text->done = 0;
}

SlotPlanner::Text* SlotPlanner::running_text(RequestId id) {
  const auto found = std::ranges::find(running_, id, &Text::id);
  return found == running_.end() ? nullptr : &*found;
}

std::vector<Chunk> SlotPlanner::next() {
  std::vector<Chunk> plan;
  const auto decoding = static_cast<std::size_t>(std::ranges::count_if(running_, &Text::has_next));
  std::size_t left = limits_.batch - decoding;  // Each has one at least.
  for (Text& text : running_) {
    if (!text.has_next) continue;
    const std::size_t drafts = std::min(std::exchange(text.drafts, 0), left);
    plan.push_back({text.id, text.slot, text.done, 1 + drafts, true, drafts});
    text.has_next = false;
    text.done += 1 + drafts;
    left -= drafts;
  }
  for (Text& text : running_) {
    if (left == 0) break;
    if (text.done >= text.prompt) continue;
    const std::size_t count = std::min(left, text.prompt - text.done);
    plan.push_back({text.id, text.slot, text.done, count, text.done + count == text.prompt});
    text.done += count;
    left -= count;
  }
  return plan;
}

void SlotPlanner::sampled(RequestId id) {
  if (Text* const text = running_text(id)) text->has_next = true;
}

std::vector<RequestId> SlotPlanner::decoding() const {
  std::vector<RequestId> ids;
  for (const Text& text : running_) {
    if (text.has_next) ids.push_back(text.id);
  }
  return ids;
}

void SlotPlanner::drafted(RequestId id, std::size_t count) {
  Text* const text = running_text(id);
  if (text == nullptr || !text->has_next) return;
  text->drafts = std::min(count, text->reserved - std::min(text->reserved, text->done + 1));
}

void SlotPlanner::rejected(RequestId id, std::size_t count) {
  if (Text* const text = running_text(id)) text->done -= std::min(count, text->done);
}

std::vector<std::size_t> SlotPlanner::end(RequestId id, std::vector<TokenId> tokens) {
  std::erase_if(waiting_, [id](const Text& text) { return text.id == id; });
  const auto found = std::ranges::find(running_, id, &Text::id);
  if (found == running_.end()) return {};
  const std::size_t slot = found->slot;
  tokens.resize(std::min(tokens.size(), found->done));
  std::string scope = std::move(found->prefix.scope);
  reserved_ -= found->reserved;
  free_.push_back(slot);
  running_.erase(found);
  if (tokens.size() < kLeastPrefix) return {slot};
  cache_.keep(slot, std::move(tokens), std::move(scope));
  return {};
}

std::vector<RequestId> SlotPlanner::running_ids() const {
  std::vector<RequestId> ids;
  for (const Text& text : running_) ids.push_back(text.id);
  return ids;
}

}  // namespace accel::inference::llama
