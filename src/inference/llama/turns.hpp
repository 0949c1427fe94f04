// SPDX-License-Identifier: Apache-2.0
#pragma once
// Callers of one thing take turns in the order in which they ask. Used by LlamaEmbedder.
// Thread-safe.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <stop_token>

namespace accel::inference::llama {

class Turns {
 public:
  explicit Turns(std::size_t max_callers) : max_callers_(max_callers) {}
  std::size_t waiting() const;  // For their turn.

  // A caller's stay, over as many turns as it takes.
  class Caller {
   public:
    explicit Caller(Turns& turns);
    ~Caller();
    Caller(const Caller&) = delete;
    Caller& operator=(const Caller&) = delete;
    explicit operator bool() const { return admitted_; }  // False: there are too many already.

   private:
    Turns& turns_;
    bool admitted_;
  };

  // Waits for the turn; it ends with this.
  class Turn {
   public:
    Turn(Turns& turns, const std::stop_token& stop);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    explicit operator bool() const { return came_; }  // False: it was stopped before.

   private:
    Turns& turns_;
    std::uint64_t ticket_;
    bool came_;
  };

 private:
  const std::size_t max_callers_;
  mutable std::mutex mutex_;
  std::condition_variable_any news_;
  std::size_t callers_ = 0;
  std::uint64_t next_ticket_ = 0;
  std::deque<std::uint64_t> line_;  // Whose turn it is, and who waits.
};

}  // namespace accel::inference::llama
