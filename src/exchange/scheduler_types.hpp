// SPDX-License-Identifier: Apache-2.0
#pragma once
// The vocabulary of the scheduler: what happened (events), what is to be done (actions), and the
// figures it keeps of each source. Plain values; used by scheduler.hpp, the shell and the tests.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::exchange {

using SourceId = std::uint32_t;   // Counted from 0 in the order of SourceAdded.
using WantId = std::uint64_t;     // Counted from 0 in the order of WantsAdded.
using RequestId = std::uint64_t;  // Chosen by the scheduler, never used twice.

// A block to fetch. Wants are served by their order, then by their id.
struct Want {
  ipld::Cid cid;
  std::uint32_t bytes = 0;  // Its size, or a good guess; 0 when nobody knows.
  std::uint64_t order = 0;
  bool in_file = false;  // It is a slice of a file: sources that have only files have it too.
};

// What earlier transfers measured of a source. It decides who is asked first and how much, until
// this one has figures of its own.
struct SourcePrior {
  double bytes_per_second = 0;  // 0: unknown.
  Duration round_trip{};        // Zero: unknown.
  double failure_share = 0;     // Of its requests, 0 to 1.
};

struct SourceAdded {
  std::string name;  // A URL: what error messages call it.
  bool files_only = false;
  // At once; 0: SchedulerLimits::max_requests_per_source. A connection that carries many requests
  // side by side takes more than a server that needs a connection for each.
  std::uint32_t max_requests = 0;
  SourcePrior prior{};
};
// While true, more sources may come: no want is given up for want of one.
struct SourcesExpected {
  bool expected = false;
};
struct WantsAdded {
  std::vector<Want> wants;
};
// The walk is over: once every want is done, the pull is.
struct NoMoreWants {};
// Some bytes of the body are here; the first report of a request also tells the round trip.
struct BytesArrived {
  RequestId request = 0;
  std::uint64_t bytes = 0;  // 0: the source is at work, nobody knows yet for which request.
};
// The whole body is here (this many bytes) and is being verified.
struct BlockArrived {
  RequestId request = 0;
  std::uint64_t bytes = 0;
};
// It hashes to its CID and is in the store.
struct BlockVerified {
  RequestId request = 0;
};
// It does not: the source lies, whether it knows or not. The reason names the block.
struct BlockRejected {
  RequestId request = 0;
  std::string reason;
};
// not_found means that this source does not have the block, anything else that the request failed.
struct RequestFailed {
  RequestId request = 0;
  Error error;
};
// Time has passed; due every SchedulerLimits::tick while anything is wanted.
struct Tick {};

using SchedulerEvent =
    std::variant<SourceAdded, SourcesExpected, WantsAdded, NoMoreWants, BytesArrived, BlockArrived,
                 BlockVerified, BlockRejected, RequestFailed, Tick>;

struct StartRequest {
  RequestId request = 0;
  SourceId source = 0;
  WantId want = 0;
  friend bool operator==(const StartRequest&, const StartRequest&) = default;
};
// Nobody waits for it any more; whatever is still reported of it is ignored.
struct CancelRequest {
  RequestId request = 0;
  friend bool operator==(const CancelRequest&, const CancelRequest&) = default;
};
// This source is not asked again in this pull.
struct SourceLost {
  SourceId source = 0;
  std::string reason;
  friend bool operator==(const SourceLost&, const SourceLost&) = default;
};
// Every want is done. Nothing follows.
struct Finished {
  friend bool operator==(const Finished&, const Finished&) = default;
};
// Some want can't be had. Nothing follows, but the requests in flight are cancelled before.
struct GaveUp {
  Error error;
};

using Action = std::variant<StartRequest, CancelRequest, SourceLost, Finished, GaveUp>;

struct SchedulerLimits {
  std::uint64_t max_in_flight_bytes = 64U << 20U;  // Over all sources, blocks in verification too.
  // Of those, arrived and not verified: more would only grow cold while the disk is the limit.
  std::uint64_t max_verifying_bytes = 16U << 20U;
  std::uint32_t max_requests_per_source = 32;
  Duration stall_timeout = std::chrono::seconds(10);  // A source with requests open sends nothing.
  Duration first_back_off = std::chrono::milliseconds(250);  // Doubles with each strike.
  std::uint64_t max_bytes_per_second = 0;  // Asked for, over all sources; 0: no limit.
  Duration tick = std::chrono::milliseconds(50);
};

// What is known of a source so far.
struct SourceStats {
  std::string name;
  bool files_only = false;   // Asked only for wants with in_file.
  std::uint64_t bytes = 0;   // Of verified blocks.
  std::uint64_t blocks = 0;  // Verified.
  std::uint64_t misses = 0;  // "Does not have it".
  std::uint64_t failures = 0;
  double median_rate = 0;  // Bytes per second.
  std::uint64_t rate_samples = 0;
  Duration round_trip{};  // The shortest time to a first byte; zero: none was seen.
  std::string last_error;
  bool lost = false;
};

// What was received and not kept, over all sources.
struct WasteStats {
  std::uint64_t duplicate_bytes = 0;  // Of blocks that another request brought.
  std::uint64_t rejected_bytes = 0;   // False, cut short, timed out.
};

}  // namespace accel::exchange
