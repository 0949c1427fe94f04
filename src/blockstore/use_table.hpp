// SPDX-License-Identifier: Apache-2.0
#pragma once
// When files and packs were read last, so that a store with a limit frees what nobody uses first.
// Kept in memory and written to the index now and then: reading costs no index write. Private to
// blockstore. Thread-safe.

#include <cstdint>
#include <map>
#include <mutex>

#include "accel/core/clock.hpp"
#include "records.hpp"

namespace accel::blockstore {

struct Container {
  bool is_file = false;  // Else a pack.
  std::uint64_t id = 0;

  friend auto operator<=>(const Container&, const Container&) = default;
};

class UseTable {
 public:
  // A store without a limit frees nothing by age: then nothing is noted.
  UseTable(const Clock& clock, std::uint64_t max_bytes) : clock_(clock), is_on_(max_bytes > 0) {}

  void touch(Container container);
  void touch(const Place& place) { touch({place.in_file(), place.container}); }
  // What was used since the last call, in nanoseconds since 1970.
  std::map<Container, std::int64_t> take();

  // Bytes that the store holds, as far as they are known: make_room() counts on from there.
  std::mutex quota_mutex;
  std::uint64_t stored_bytes = 0;
  bool is_counted = false;

 private:
  const Clock& clock_;
  bool is_on_;
  std::mutex mutex_;
  std::map<Container, std::int64_t> used_;
};

}  // namespace accel::blockstore
