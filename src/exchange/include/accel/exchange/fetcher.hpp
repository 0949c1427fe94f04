// SPDX-License-Identifier: Apache-2.0
#pragma once
// Fetches a whole DAG (a file or a folder) from several sources at once into the store: every block
// is verified against its CID before it is written, file leaves land at their final place, and what
// a crash or a stop left behind is taken up again. Used by node (pull, run of an absent model).
//
// Threads: pull() is a coroutine that must be awaited on an executor that runs one handler at a
// time (an IoThread with one thread, or a strand); several pulls may run side by side. Hashing and
// disk work happen on the OffloadPool. Ownership: what the constructor takes must outlive every
// pull. Spec: ipfs/specs src/http-gateways/trustless-gateway.md (raw blocks); decisions.md (store).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "accel/blockstore/store.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/metrics.hpp"
#include "accel/exchange/source_figures.hpp"
#include "accel/exchange/urgency.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/net/http_client.hpp"

namespace accel::exchange {

class Bitswap;
class DownloadBudget;

struct PullProgress {
  std::uint64_t bytes_done = 0;        // Verified and in the store: fetched now or there before.
  std::uint64_t bytes_total = 0;       // Of what the walk has found so far.
  bool total_known = false;            // The whole tree has been read: bytes_total is final.
  double bytes_per_second = 0;         // Fetched, over the last seconds.
  std::optional<double> seconds_left;  // When the rate and the total allow it.
};

// What a pull may hold and how far it goes; each with the reason for its default.
struct PullLimits {
  std::uint64_t max_in_flight_bytes = 64U << 20U;  // Asked for or being verified: the memory bound.
  std::uint32_t max_requests_per_source = 32;      // HTTP/1.1: as many connections.
  std::uint64_t max_total_bytes = 1ULL << 42U;     // 4 TiB: a DAG that claims more is refused.
  std::uint32_t max_leaves = 2U << 20U;            // Their plan takes about 100 bytes each.
  std::uint32_t max_nodes = 1U << 20U;             // Files, folders and inner nodes.
  Duration stall_timeout = std::chrono::seconds(10);  // A source that sends nothing for so long.
  std::uint64_t max_bytes_per_second = 0;             // Over all sources of this pull; 0: no limit.
  // A source that fails is left alone for so long, twice as long after the next failure, up to 10
  // s.
  Duration first_back_off = std::chrono::milliseconds(250);
};

// Some bytes of one file, instead of everything: whoever wants the header of a model, or its first
// layers, waits for no more than those. What is fetched for it stays in a partial file for the next
// pull, and is stored as a file once it is whole. Nothing is pinned.
struct PullSelection {
  std::string path;  // Of the file below the root, with '/'; empty when the root is the file.
  struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;  // Cut at the end of the file.
  };
  std::vector<Range> ranges;  // Ascending, without overlaps. None: only the leaves are told.
  // Verified bytes, in the order of the ranges, each as soon as it and all before it are here. One
  // call at a time, on a thread of `pool`; an error ends the pull with it.
  std::function<Status(std::uint64_t offset, ByteView bytes)> on_bytes;
  // For a reader that may be slow: its own, so that it holds up no hashing. Null: the fetcher's.
  OffloadPool* pool = nullptr;
};

struct PullOptions {
  std::vector<std::string>
      sources;  // Gateways: "http://host:port", a path in front of /ipfs is kept.
  // Gateways that somebody on the network named: never asked where this machine is meant.
  std::vector<std::string> named_sources;
  // Plain file hosts: the URL of the file that the root names, or of the folder. They have the
  // bytes of files; inner nodes come from a gateway or are here already.
  std::vector<std::string> file_sources;
  // Bitswap peers by address: "/ip4/…/tcp/…/p2p/12D3Koo…". They need Fetcher::use().
  std::vector<std::string> peers;
  // Those who say that they have the root are sources as well. Asked only when something is
  // missing, and never for a private root.
  bool ask_connected_peers = false;
  // What earlier pulls measured of these and other sources; may be null.
  std::shared_ptr<const SourceBook> known;
  std::optional<PullSelection> only;
  std::string name;  // Of the pin; empty: it keeps the one that it has.
  bool pin = true;
  Urgency urgency = Urgency::foreground;
  // Never served, never announced, from the first block on. A root with a private pin stays so.
  bool is_private = false;
  std::function<void(const PullProgress&)>
      on_progress;       // At most ten times a second, and at the end.
  std::stop_token stop;  // Leaves what was verified so that the next pull takes it up.
  PullLimits limits;
};

struct PullReport {
  ipld::Cid root;
  std::uint64_t bytes_total = 0;      // Of all distinct blocks, as they stand in the store.
  std::uint64_t bytes_fetched = 0;    // Of blocks that were fetched and kept.
  std::uint64_t bytes_reused = 0;     // Of blocks that were there before.
  std::uint64_t bytes_duplicate = 0;  // Received for a block that another source had brought first.
  std::uint64_t bytes_rejected = 0;   // Received and thrown away: false or cut short.
  std::uint64_t bytes_verified = 0;   // Hashed against their CID by this pull.
  std::uint64_t files = 0;
  double seconds = 0;
  std::vector<SourceReport> sources;
  // With PullOptions::only: of that file, all leaves in order.
  std::uint64_t file_bytes = 0;
  std::vector<blockstore::LeafSlot> leaves;
};

class Fetcher {
 public:
  Fetcher(blockstore::Store& store, net::HttpClient& client, OffloadPool& pool, const Clock& clock,
          Metrics& metrics);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  // Errors: not_found (no source has a block, or nothing lies at the path), corrupt (a source lied
  // and no other could help, or the DAG contradicts itself), unavailable, timeout (no source
  // answers; the message names each with its reason), unsupported (codecs that
  // are no files), cancelled, resource_exhausted (a limit above, or the disk is full),
  // invalid_argument (a source that is no URL), and the store's. Whatever was verified before the
  // error stays for the next pull.
  Task<PullReport> pull(ipld::Cid root, PullOptions options);

  // Bytes a second that all pulls may take together; 0: no limit. Before the first pull. What is in
  // the background goes behind, with a limit and without one (download_budget.hpp has the rules).
  void limit(std::uint64_t bytes_per_second);
  // Peers can be sources from now on. It lives on the executor of every pull, and outlives them.
  void use(Bitswap& bitswap) { bitswap_ = &bitswap; }

 private:
  blockstore::Store& store_;
  net::HttpClient& client_;
  OffloadPool& pool_;
  const Clock& clock_;
  Metrics& metrics_;
  std::unique_ptr<DownloadBudget> downloads_;
  Bitswap* bitswap_ = nullptr;
};

}  // namespace accel::exchange
