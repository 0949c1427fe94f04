// SPDX-License-Identifier: Apache-2.0
#pragma once
// Small raw blocks straight from the store's memory: the answer to a plain GET with format=raw, as
// text that was prepared once. Whatever asks for more than that (conditions, ranges, a host that
// stands for content) and whatever is not in memory goes the long way through Answers. Private to
// gateway. Thread-safe.

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/gateway/gateway.hpp"
#include "accel/net/message.hpp"

namespace accel::gateway {

class ReadyBlocks {
 public:
  ReadyBlocks(const blockstore::Store& store, const std::vector<KnownHost>& hosts);

  // Nothing: the long way answers.
  std::optional<net::ReadyResponse> answer(const net::HttpRequest& http) const;

 private:
  std::string fields_of(std::string_view cid) const;

  const blockstore::Store& store_;
  const std::vector<KnownHost>& hosts_;
  std::vector<std::string> pieces_;  // Of the header lines, between the places of the CID.
};

// Which blocks are asked for again within a while: those are worth memory, a scan is not. Forgets
// by overwriting. Thread-safe.
class AskedBefore {
 public:
  // Notes the block, and says whether it was noted already.
  bool note(const ipld::Cid& cid);

 private:
  // Four places for what falls together: with one, of 2,000 blocks a tenth would push out each
  // other for ever.
  static constexpr std::size_t kPlaces = 4;
  using Marks = std::array<std::atomic<std::uint32_t>, kPlaces>;

  std::array<Marks, 4096> marks_{};
};

}  // namespace accel::gateway
