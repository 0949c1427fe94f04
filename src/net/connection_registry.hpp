// SPDX-License-Identifier: Apache-2.0
#pragma once
// The open connections of a server, for its ticker: who is late, whose client left, who is idle
// longest. Thread-safe; a descriptor in the registry is open, because a connection leaves it before
// its socket closes.

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "connection_watch.hpp"

namespace accel::net {

class ConnectionRegistry {
 public:
  struct Open {
    int fd = -1;
    std::shared_ptr<ConnectionWatch> watch;
  };

  // Removes the connection on destruction; the registry must outlive it.
  class Entry {
   public:
    Entry(ConnectionRegistry& registry, Open open);
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    ConnectionRegistry& registry_;
    std::list<Open>::iterator place_;
  };

  std::size_t size() const;
  // Judges every connection and carries the decisions out; returns how many requests were late.
  std::size_t tick(SteadyTime now, bool draining);
  // Cuts whoever has been waiting longest: strangers do so from when they came, whatever they do,
  // the others while they are idle. Where there is neither, the one whose request's head has been
  // coming longest: a whole one comes at once. False when all are served.
  bool make_room();
  void ask_all_to_stop(SteadyTime now);

 private:
  struct Judged {
    std::shared_ptr<ConnectionWatch> watch;
    Decision decision;
    Phase phase;
  };
  std::vector<Judged> judge_all(SteadyTime now, bool draining) const;
  // When a connection began what makes it the first to go; max() when it is not to.
  using Since = SteadyTime (*)(const ConnectionWatch& watch);
  std::shared_ptr<ConnectionWatch> longest(Since since) const;

  mutable std::mutex mutex_;  // Never held while a stop request runs its callbacks.
  std::list<Open> open_;
};

}  // namespace accel::net
