// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store has for a request. These functions block: Gateway runs them on an OffloadPool, but
// for the look at one block (see gateway.cpp). No HTTP here. What is private is treated as absent.

#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/net/message.hpp"
#include "gateway_request.hpp"

namespace accel::gateway {

// Codecs of documents without links, which ipld only carries along.
inline constexpr auto kPlainJson = static_cast<ipld::Codec>(0x0200);
inline constexpr auto kPlainCbor = static_cast<ipld::Codec>(0x51);

// A block as bytes, or as a place to send from.
struct FoundBlock {
  ipld::Cid cid;
  std::uint64_t length = 0;
  std::variant<net::FileSlice, std::string> bytes;
};

struct FoundFile {
  ipld::Cid cid;
  std::uint64_t length = 0;
  std::optional<net::FileSlice> place = {};  // Without it the content is read piece by piece.
  std::string head = {};                     // The first bytes, when the name says no type.
};

struct FoundFolder {
  ipld::Cid cid;
  std::vector<blockstore::DirEntry> entries = {};
  bool truncated = false;
  std::optional<FoundFile> index = {};  // Its index.html.
};

struct FoundLink {
  ipld::Cid cid;
  std::string target;
};

// dag-json, dag-cbor, json, cbor: the block as it is, or a page that shows it.
struct FoundDocument {
  FoundBlock block;
  std::optional<std::string> page = {};
};

using Found = std::variant<FoundFile, FoundFolder, FoundLink, FoundDocument, Refused>;

// Names of what is not here or must not be shown are errors alike: not_found with one and the same
// sentence.
Error not_here(std::string_view content_path);

// The place of one block, without reading it; nullopt when it has none (then read_block()).
// Errors: not_found (also for private blocks), io.
Result<std::optional<FoundBlock>> place_block(const blockstore::Store& store, const ipld::Cid& cid);
Result<FoundBlock> read_block(const blockstore::Store& store, const ipld::Cid& cid);

// Follows the names below the root. Errors: not_found, corrupt, unsupported.
Result<blockstore::ResolvedPath> resolve_shown(const blockstore::Store& store,
                                               const ipld::Cid& root,
                                               const std::vector<std::string>& path);

// What lies at the end of a path, in the format of the request.
struct LookUp {
  const GatewayRequest& request;
  std::size_t max_entries = 0;
};
// Errors: as resolve_shown().
Result<Found> look_up(const blockstore::Store& store, const blockstore::ResolvedPath& end,
                      const LookUp& wanted);

// A file at the end of a path; nothing when there is something else. Errors: as resolve_shown().
Result<std::optional<FoundFile>> look_up_file(const blockstore::Store& store, const ipld::Cid& root,
                                              const std::vector<std::string>& path);

// Where the bytes of a file lie in one piece. Errors: not_found, corrupt.
Result<std::optional<net::FileSlice>> place_of_file(const blockstore::Store& store,
                                                    const ipld::Cid& cid);

}  // namespace accel::gateway
