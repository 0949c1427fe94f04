// SPDX-License-Identifier: Apache-2.0
#include "llama/slot_planner.hpp"

#include <algorithm>

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

Status SlotPlanner::submit(RequestId id, std::size_t prompt, std::size_t max_tokens) {
  ACCEL_CHECK(admits(prompt, max_tokens));
  waiting_.push_back({.id = id, .prompt = prompt, .reserved = prompt + max_tokens});
  return {};
}

void SlotPlanner::fill_slots() {
  while (!waiting_.empty() && !free_.empty()) {
    Text& first = waiting_.front();
    if (first.reserved > limits_.context - reserved_) return;
    first.slot = free_.back();
    free_.pop_back();
    reserved_ += first.reserved;
    running_.push_back(first);
    waiting_.pop_front();
  }
}

std::vector<Chunk> SlotPlanner::next() {
  fill_slots();
  std::vector<Chunk> plan;
  std::size_t left = limits_.batch;
  for (Text& text : running_) {
    if (!text.has_next) continue;
    plan.push_back({text.id, text.slot, text.done, 1, true});
    text.has_next = false;
    ++text.done;
    --left;
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
  const auto found = std::ranges::find(running_, id, &Text::id);
  if (found != running_.end()) found->has_next = true;
}

std::vector<std::size_t> SlotPlanner::end(RequestId id) {
  std::erase_if(waiting_, [id](const Text& text) { return text.id == id; });
  const auto found = std::ranges::find(running_, id, &Text::id);
  if (found == running_.end()) return {};
  const std::size_t slot = found->slot;
  reserved_ -= found->reserved;
  free_.push_back(slot);
  running_.erase(found);
  return {slot};
}

std::vector<RequestId> SlotPlanner::running_ids() const {
  std::vector<RequestId> ids;
  for (const Text& text : running_) ids.push_back(text.id);
  return ids;
}

}  // namespace accel::inference::llama
