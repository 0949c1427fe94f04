// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keys and values of texts that have ended, kept outside of the context: each step computes over
// all places of the context that hold something, also over those of texts that it does not read
// (a third of a prompt's time with 6,500 kept tokens of SmolLM2 135M, by perf). Used by Generator,
// on its worker. A slot lies in the context until it is parked; what is restored stays known here,
// so that parking it again copies nothing.

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "llama/library.hpp"

namespace accel::inference::llama {

class ParkedTexts {
 public:
  // `api` and `context` outlive it. `most_bytes`: of all texts here.
  ParkedTexts(const Api& api, llama_context* context, std::uint64_t most_bytes)
      : api_(api), context_(context), most_bytes_(most_bytes) {}

  bool holds(std::size_t slot) const { return texts_.contains(slot); }
  // Whether the slot's text is here alone.
  bool parks(std::size_t slot) const;
  // What parking the slot would add.
  std::uint64_t bytes_of(std::size_t slot) const;
  std::uint64_t most_bytes() const { return most_bytes_; }
  bool has_room_for(std::uint64_t bytes) const { return bytes_ + bytes <= most_bytes_; }
  // Out of the context; where there is no room, or no memory, it stays there.
  void park(std::size_t slot);
  // Back into the context; false: it could not be, and the slot is empty.
  bool restore(std::size_t slot);
  // What is here of the slot is not its text any more.
  void drop(std::size_t slot);

 private:
  struct Text {
    std::vector<std::uint8_t> state;  // In llama.cpp's own form.
    bool in_context = false;          // There, too.
  };
  void clear_in_context(std::size_t slot);

  const Api& api_;
  llama_context* context_;
  const std::uint64_t most_bytes_;
  std::uint64_t bytes_ = 0;
  std::map<std::size_t, Text> texts_;  // By slot.
};

}  // namespace accel::inference::llama
