// SPDX-License-Identifier: Apache-2.0
#pragma once
// Bytes that several clients may make the node hold: none gets so many that another one finds none.
// The first half is whoever's comes; beyond it a client may have what Shares would give it, and all
// together never more than there are. Pure policy behind a mutex; used by server for bodies and
// messages that have come in part.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace accel::security {

class ByteShares {
 public:
  explicit ByteShares(std::uint64_t bytes) : bytes_(bytes) {}

  // What one request holds, until it is destroyed; the shares outlive it. Not thread-safe itself.
  class Hold {
   public:
    Hold(ByteShares& shares, std::string client) : shares_(shares), client_(std::move(client)) {}
    ~Hold() { shares_.move(client_, mine_, 0); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    // From now on so many bytes. False when they are too many: then nothing changes.
    bool set(std::uint64_t bytes) {
      if (!shares_.move(client_, mine_, bytes)) return false;
      mine_ = bytes;
      return true;
    }

   private:
    ByteShares& shares_;
    std::string client_;
    std::uint64_t mine_ = 0;
  };

  std::uint64_t bytes() const { return bytes_; }

 private:
  bool move(const std::string& client, std::uint64_t from, std::uint64_t to);

  const std::uint64_t bytes_;
  std::mutex mutex_;
  std::uint64_t held_ = 0;                     // By all.
  std::map<std::string, std::uint64_t> each_;  // None of zero.
};

}  // namespace accel::security
