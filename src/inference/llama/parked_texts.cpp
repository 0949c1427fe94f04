// SPDX-License-Identifier: Apache-2.0
#include "llama/parked_texts.hpp"

#include <new>

namespace accel::inference::llama {

bool ParkedTexts::parks(std::size_t slot) const {
  const auto found = texts_.find(slot);
  return found != texts_.end() && !found->second.in_context;
}

std::uint64_t ParkedTexts::bytes_of(std::size_t slot) const {
  if (texts_.contains(slot)) return 0;
  return api_.text_state_size(context_, static_cast<llama_seq_id>(slot));
}

void ParkedTexts::park(std::size_t slot) {
  if (const auto found = texts_.find(slot); found != texts_.end()) {
    found->second.in_context = false;
    return clear_in_context(slot);
  }
  const std::size_t size = bytes_of(slot);
  if (size == 0 || !has_room_for(size)) return;
  Text text;
  try {
    text.state.resize(size);
  } catch (const std::bad_alloc&) {
    return;
  }
  const auto sequence = static_cast<llama_seq_id>(slot);
  if (api_.text_state(context_, text.state.data(), size, sequence) != size) return;
  bytes_ += size;
  texts_.emplace(slot, std::move(text));
  clear_in_context(slot);
}

bool ParkedTexts::restore(std::size_t slot) {
  const auto found = texts_.find(slot);
  if (found == texts_.end()) return false;
  Text& text = found->second;
  if (text.in_context) return true;
  const auto sequence = static_cast<llama_seq_id>(slot);
  const std::size_t size = text.state.size();
  text.in_context = api_.set_text_state(context_, text.state.data(), size, sequence) == size;
  if (text.in_context) return true;
  clear_in_context(slot);
  drop(slot);
  return false;
}

void ParkedTexts::drop(std::size_t slot) {
  const auto found = texts_.find(slot);
  if (found == texts_.end()) return;
  bytes_ -= found->second.state.size();
  texts_.erase(found);
}

void ParkedTexts::clear_in_context(std::size_t slot) {
  api_.memory_remove(api_.memory(context_), static_cast<llama_seq_id>(slot), -1, -1);
}

}  // namespace accel::inference::llama
