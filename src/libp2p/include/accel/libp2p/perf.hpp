// SPDX-License-Identifier: Apache-2.0
#pragma once
// /perf/1.0.0: how fast bytes go to a peer and come from it, nothing else on the stream. Used by
// node. Coroutines of the host's executor. Spec: libp2p/specs perf/perf.md.

#include <cstdint>
#include <memory>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/ipld/peer_id.hpp"
#include "accel/libp2p/host.hpp"

namespace accel::libp2p {

inline constexpr std::string_view kPerfProtocol = "/perf/1.0.0";
// Of one measurement in each direction: whoever asks for more is refused.
inline constexpr std::uint64_t kMaxPerfBytes = std::uint64_t{16} << 30U;

struct PerfReport {
  std::uint64_t uploaded_bytes = 0;
  std::uint64_t downloaded_bytes = 0;
  Duration upload{};    // From the first byte sent until the peer answers that it has all.
  Duration download{};  // From the peer's first byte to its last.
};

// Serves one measurement. Errors: protocol, resource_exhausted (above kMaxPerfBytes), those of the
// stream.
Task<void> answer_perf(std::unique_ptr<Stream> stream);

// At least one byte comes back, so that the end of the upload is known. Errors: as
// Host::open(); unsupported (the peer does not measure), invalid_argument (above kMaxPerfBytes),
// protocol (other bytes than asked for).
Task<PerfReport> measure(Host& host, PeerId peer, std::uint64_t upload_bytes,
                         std::uint64_t download_bytes);

}  // namespace accel::libp2p
