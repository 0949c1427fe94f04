// SPDX-License-Identifier: Apache-2.0
#pragma once
// From /dnsaddr/NAME/… to addresses that can be dialed, over as many TXT records as it takes. Pure:
// the records come in. Private to libp2p: the host looks them up (host_resolve.cpp). Spec:
// multiformats/multiaddr protocols/DNSADDR.md.

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "accel/ipld/multiaddr.hpp"

namespace accel::libp2p {

inline constexpr std::size_t kMaxDnsaddrDepth = 4;  // Names that lead to names, as go-libp2p.
inline constexpr std::size_t kMaxDnsaddrLookups = 16;
inline constexpr std::size_t kMaxDnsaddrResults = 32;

bool is_dnsaddr(const ipld::Multiaddr& address);

class DnsaddrWalk {
 public:
  // An address that is none has nothing to look up.
  explicit DnsaddrWalk(const ipld::Multiaddr& address);

  // The domain whose TXT records come next; nothing at the end.
  std::optional<std::string> next();
  // The records of the domain that next() named; none when the look-up failed. Records that are no
  // addresses, that lack what stood behind the name (/p2p/…) or that nobody here can dial are
  // left out.
  void take(const std::vector<std::string>& records);
  // With the peer id, where the record has one.
  const std::vector<ipld::Multiaddr>& found() const { return found_; }

 private:
  using Parts = std::vector<ipld::Multiaddr::Part>;
  struct Step {
    std::string name;
    Parts tail;  // What each record must end with.
    std::size_t depth = 0;
  };
  void plan(const ipld::Multiaddr& address, std::size_t depth);
  void take_one(const ipld::Multiaddr& address);

  std::deque<Step> steps_;
  Step current_;
  std::set<ipld::Multiaddr> seen_;  // Names may lead in circles.
  std::vector<ipld::Multiaddr> found_;
};

}  // namespace accel::libp2p
