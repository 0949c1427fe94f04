// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies of a root at other nodes: the messages of /ipfs-accelerate/replicate/1.0.0, whom to ask,
// and what to answer. One request and one answer a stream, each behind its length as uvarint; the
// blocks themselves move by bitswap, pulled by whoever keeps the copy. Pure: bytes, figures and
// times come in. replica_stream.hpp has the streams, node/peers the pulls and the clock. Format:
// docs/design/0004-replication.md.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"
#include "accel/ipld/cid.hpp"

namespace accel::exchange {

inline constexpr std::string_view kReplicateProtocol = "/ipfs-accelerate/replicate/1.0.0";
inline constexpr std::size_t kMaxReplicaMessageBytes = 4096;
inline constexpr std::size_t kMaxReplicaReason = 256;

struct ReplicaRequest {
  enum class Kind : std::uint8_t {
    offer,    // Would you? Changes nothing.
    hold,     // Fetch it and keep it so long; or, when it is kept already, longer.
    status,   // How far is it?
    release,  // It need not be kept any more.
  };
  Kind kind = Kind::offer;
  ipld::Cid root;
  std::uint64_t bytes = 0;    // Of its distinct blocks; the keeper fetches no more than this tells.
  std::uint64_t lease_s = 0;  // Of hold.
  friend bool operator==(const ReplicaRequest&, const ReplicaRequest&) = default;
};

struct ReplicaAnswer {
  enum class State : std::uint8_t { refused, willing, fetching, holding, failed };
  State state = State::refused;
  std::optional<std::uint64_t> free_bytes;  // That it would give to replicas; not said: unknown.
  std::uint64_t have_bytes = 0;             // Of this root, while it is fetching.
  std::uint64_t lease_s = 0;                // That it grants.
  std::string reason;                       // Of refused and failed: a sentence.
  friend bool operator==(const ReplicaAnswer&, const ReplicaAnswer&) = default;
};
std::string_view replica_state_name(ReplicaAnswer::State state);

Bytes encode_replica(const ReplicaRequest& request);
Bytes encode_replica(const ReplicaAnswer& answer);
// Unknown fields are skipped. Errors: protocol (broken, too long, no root, an unknown kind).
Result<ReplicaRequest> decode_replica_request(ByteView message);
Result<ReplicaAnswer> decode_replica_answer(ByteView message);

// What this node lets others put here.
struct ReplicaRules {
  bool anybody = false;
  std::vector<std::string> peers;  // Ids, when not anybody. Empty: nobody.
  std::uint64_t quota_bytes = 0;   // For all replicas together.
  std::uint64_t disk_free_bytes = 0;
  // Of replicas that were let go and lie there until gc: they count against both limits.
  std::uint64_t uncollected_bytes = 0;
  std::size_t uncollected = 0;
  std::uint64_t longest_lease_s = 0;
  std::size_t most = 1024;        // Replicas; each is a pin and a record.
  std::size_t most_fetching = 2;  // At a time; others ask again.
  std::size_t most_askers = 64;   // Of one root; each is written down.
};

// A replica that is kept or being fetched for others.
struct KeptReplica {
  ipld::Cid root;
  std::vector<std::string> askers;
  std::uint64_t bytes = 0;  // While it is fetched: the most that it may take.
  ReplicaAnswer::State state = ReplicaAnswer::State::fetching;
};

bool accepts(const ReplicaRules& rules, const std::string& asker);
// The answer to offer and hold. A root that is kept already costs nothing more.
ReplicaAnswer admit(const ReplicaRules& rules, const ReplicaRequest& request,
                    const std::string& asker, const std::vector<KeptReplica>& kept);

// Judges a copy that is being fetched, by its keeper's word.
struct CopyPace {
  Duration silence = std::chrono::seconds(60);  // Without a byte more.
  std::uint64_t bytes_per_second = 64U << 10U;  // Over all, at least; 1 Mbit/s is twice that.
};
class CopyProgress {
 public:
  CopyProgress(std::uint64_t bytes, SteadyTime began, CopyPace pace = {});
  // Errors: timeout (it stands still, or is too slow altogether).
  Status saw(std::uint64_t have_bytes, SteadyTime now);
  std::uint64_t have_bytes() const { return have_; }

 private:
  std::uint64_t bytes_;
  CopyPace pace_;
  SteadyTime began_;
  SteadyTime moved_;
  std::uint64_t have_ = 0;
};

// A peer that may be asked; what nobody knows of it is empty.
struct ReplicaCandidate {
  std::string peer;
  std::string address;
  std::optional<double> bytes_per_second;  // Measured over transfers from it.
  std::optional<double> failure_share;     // Of requests to it.
  std::optional<std::uint64_t> free_bytes;
};
struct ReplicaPlace {
  std::string peer;
  double score = 0;  // 0 to 1; what is unknown counts as a half.
  std::string why;   // The figures, and what is not known.
};
// Candidates in the order in which to ask them: bandwidth, reliability and free space, and each
// counts half in a network (/24, /48) where a copy lies already or one before it was placed. Those
// that say they have no room are left out.
std::vector<ReplicaPlace> place_replicas(const std::vector<ReplicaCandidate>& candidates,
                                         std::uint64_t bytes,
                                         const std::vector<std::string>& occupied_addresses);
// "10.1.2" of /ip4/10.1.2.3/…, the first three groups of an IPv6 address; else the text itself.
std::string network_of(std::string_view address);

}  // namespace accel::exchange
