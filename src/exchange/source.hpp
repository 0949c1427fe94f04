// SPDX-License-Identifier: Apache-2.0
#pragma once
// Somebody who can be asked for blocks. It verifies nothing, unless it says so: the caller does.
// What there is: a trustless gateway, which has every block of a DAG by its CID, a plain file host,
// which has the bytes of files and so the blocks that are slices of them, and a bitswap peer.
// Rates, windows and scores are the scheduler's (source_meter.hpp): it sees a number and a kind.
// Used by the shell of the fetcher. Calls run on the awaiter's executor, several at a time.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "accel/core/async/task.hpp"
#include "accel/core/bytes.hpp"
#include "accel/exchange/bitswap.hpp"
#include "accel/exchange/source_figures.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/net/http_client.hpp"

namespace accel::exchange {

// Where the bytes of a block lie below the root of the pull.
struct FilePlace {
  std::string path;              // With '/'; empty when the root is the file itself.
  std::uint64_t offset = 0;      // In that file.
  std::uint32_t length = 0;      // 0: the block is the whole file, of a size nobody knows yet.
  std::uint64_t file_bytes = 0;  // 0 when length is.
};

struct BlockCall {
  ipld::Cid cid;
  std::uint32_t exact_bytes = 0;  // When known; 0: anything up to ipld::kMaxBlockBytes.
  std::optional<FilePlace> place;
  Bytes buffer;  // Reused for the block.
  std::stop_token stop;
  std::function<void(std::uint64_t bytes)> on_bytes;  // As they arrive; must not block.
};

struct SourceBlock {
  Bytes bytes;
  // The block is more than the bytes that came: its frame was made here, as most importers make it.
  // If it proves false, that may be the frame.
  bool rebuilt = false;
  // What speaks for an accident rather than a lie if the bytes prove false; may be empty.
  std::string suspicion;
  // Hashed against its CID already, where it came in.
  bool verified = false;
};

class Source {
 public:
  virtual ~Source() = default;
  virtual const std::string& name() const = 0;  // The URL or address, as it was given.
  virtual SourceKind kind() const = 0;
  // A file host has only what has a FilePlace.
  bool files_only() const { return kind() == SourceKind::file_host; }
  // How much may be asked at once; 0: what the pull allows for each source.
  virtual std::uint32_t max_requests() const { return 0; }
  // Errors: not_found (it does not have the block; the message says why), protocol (too much or too
  // little came, or no HTTP), unsupported (it can't give parts of files), and those of HttpClient
  // for the rest; the message names the URL.
  virtual Task<SourceBlock> get(BlockCall call) = 0;
};

// "http://host:port", also with a path in front of /ipfs. network_only: as HttpCall's.
// Errors: invalid_argument.
Result<std::unique_ptr<Source>> make_gateway_source(net::HttpClient& client,
                                                    const std::string& base_url,
                                                    bool network_only = false);
// The URL of a file, or of a folder whose files lie below it under their names.
// Errors: invalid_argument.
Result<std::unique_ptr<Source>> make_file_source(net::HttpClient& client, const std::string& url);
// A peer by its address, which ends in /p2p/ and its id; or one that is connected.
// Errors: invalid_argument.
Result<std::unique_ptr<Source>> make_peer_source(Bitswap& bitswap, const std::string& address,
                                                 Urgency urgency);
std::unique_ptr<Source> make_peer_source(Bitswap& bitswap, const ipld::PeerId& peer,
                                         Urgency urgency);

}  // namespace accel::exchange
