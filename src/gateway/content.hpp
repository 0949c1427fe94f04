// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store has for a request. These functions block: TrustlessGateway runs them on an
// OffloadPool, but for the look at one block (see trustless_gateway.cpp). No HTTP here.

#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/net/message.hpp"

namespace accel::gateway {

// A block as bytes, or as a place to send from.
struct FoundBlock {
  ipld::Cid cid;
  std::uint64_t length = 0;
  std::variant<net::FileSlice, std::string> bytes;
};

struct FoundFile {
  ipld::Cid cid;
  std::uint64_t length = 0;
  std::optional<net::FileSlice> place;  // Without it the content is read piece by piece.
};

struct FoundFolder {
  ipld::Cid cid;
  std::vector<blockstore::DirEntry> entries;
  bool truncated = false;
};

struct FoundLink {
  ipld::Cid cid;
  std::string target;
};

using Found = std::variant<FoundFile, FoundFolder, FoundLink>;

// Names of what is not here or must not be shown are errors alike: not_found with one and the same
// sentence.
Error not_here(std::string_view content_path);

// The place of one block, without reading it; nullopt when it has none (then read_block()).
// Errors: not_found (also for private blocks), io.
Result<std::optional<FoundBlock>> place_block(const blockstore::Store& store, const ipld::Cid& cid);
Result<FoundBlock> read_block(const blockstore::Store& store, const ipld::Cid& cid);

// Follows the names below the root. Errors: not_found, corrupt, unsupported (sharded folders),
// invalid_argument (a name below a file).
Result<ipld::Cid> resolve_path(const blockstore::Store& store, const ipld::Cid& root,
                               const std::vector<std::string>& path);

// Errors: as resolve_path().
Result<Found> look_up(const blockstore::Store& store, const ipld::Cid& cid,
                      std::size_t max_entries);

}  // namespace accel::gateway
