// SPDX-License-Identifier: Apache-2.0
#pragma once
// What routers answer: peers with their addresses and protocols, as JSON or as lines of JSON, and
// the filters of requests. Used by the client, by gateway (as server) and node. Pure; what is read
// comes from strangers. Spec: ipfs/specs src/routing/http-routing-v1.md, IPIP-484, IPIP-513.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::routing {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kLinesType = "application/x-ndjson";
inline constexpr std::string_view kGatewayProtocol = "transport-ipfs-gateway-http";

// What one record may have; more of it is left out, longer text refuses the record.
inline constexpr std::size_t kMaxAddresses = 32;
inline constexpr std::size_t kMaxProtocols = 32;
inline constexpr std::size_t kMaxProtocolBytes = 63;  // IPIP-484.

// The schema "peer".
struct PeerRecord {
  std::string id;                      // A peer id, as it was written.
  std::vector<std::string> addresses;  // Multiaddrs.
  std::vector<std::string> protocols;  // "transport-bitswap", …; none: unknown.

  bool operator==(const PeerRecord&) const = default;
};

// IPIP-484. Names are lower case.
struct Filters {
  std::vector<std::string> addresses = {};      // One of them must be in an address.
  std::vector<std::string> not_addresses = {};  // None of them may be.
  std::vector<std::string> protocols = {};      // One of them must be spoken.
};
// The filter-addrs and filter-protocols of a query. Errors: invalid_argument (a name that is too
// long, or too many).
Result<Filters> read_filters(std::string_view query);
// The record with the addresses that pass; nothing when the whole record does not.
std::optional<PeerRecord> apply_filters(PeerRecord record, const Filters& filters);

// Which list a JSON answer has.
enum class RecordList { providers, peers };
std::string write_json(RecordList list, const std::vector<PeerRecord>& records);
std::string write_lines(const std::vector<PeerRecord>& records);

struct ReplyLimits {
  std::size_t max_bytes = 1U << 20U;  // Of the whole answer: a hundred full records are half of it.
  std::size_t max_line_bytes = 64U << 10U;
  std::size_t max_records = 100;  // As many as a server should send in JSON.
};

// Reads an answer as it arrives, in pieces of any size. Records of the peer schema and of the
// legacy ones count; what has no valid peer id, and members that nobody knows, are passed over.
class ReplyReader {
 public:
  enum class Form { json, lines };
  ReplyReader(Form form, RecordList list, ReplyLimits limits = {})
      : form_(form), list_(list), limits_(limits) {}

  // Errors: corrupt (not JSON, or nested too deep), resource_exhausted (a limit).
  Status feed(ByteView piece);
  // No more is taken: max_records have come.
  bool is_full() const { return records_.size() >= limits_.max_records; }
  // Everything that came. Errors: corrupt.
  Result<std::vector<PeerRecord>> finish();

 private:
  Status take_line();

  Form form_;
  RecordList list_;
  ReplyLimits limits_;
  std::size_t bytes_ = 0;
  std::string text_;  // The whole of JSON, or the line that is not complete yet.
  std::vector<PeerRecord> records_;
};

}  // namespace accel::routing
