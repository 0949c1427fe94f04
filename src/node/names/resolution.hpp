// SPDX-License-Identifier: Apache-2.0
#pragma once
// From a mutable name to content, by the newest record of all places that are asked: the own store,
// routers, the DHT. Who signed is told. Used by the name methods and by pull. Calls block.

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "context.hpp"
#include "names/record_places.hpp"

namespace accel::node {

// Names whose record was asked for everywhere a short while ago: within its TTL the kept one holds.
class FreshNames {
 public:
  bool has(const ipld::IpnsName& name, SteadyTime now);
  void note(const ipld::IpnsName& name, SteadyTime until);

 private:
  std::mutex mutex_;
  std::map<std::string, SteadyTime, std::less<>> until_;  // At most kMaxFreshNames.
};

struct NameQuery {
  std::string name;                    // An IPNS name or a domain, without "/ipns/".
  std::vector<std::string> routers{};  // Instead of routing.delegated.
  bool offline = false;                // Only what is kept here.
  bool no_cache = false;               // Asks although the TTL has not passed.
};

struct NameAnswer {
  ipld::Cid root;
  std::vector<std::string> path;
  std::chrono::seconds ttl{0};
  // One for each IPNS name on the way: {name, signer, sequence, value, valid_until, ttl_seconds,
  // from}.
  nlohmann::json signers;
  std::vector<PlaceOutcome> outcomes;  // Of the places that were asked.

  std::string text() const;  // "/ipfs/CID/path"
};
// Errors: as NameResolver::resolve(); those of the store.
Result<NameAnswer> resolve_name(Context& context, const NameQuery& query);

// Where records of this node's names go and where others' are asked for. `routers` empty: those of
// the configuration key.
std::vector<RecordPlace> record_places(Services& services, std::vector<std::string> routers,
                                       std::string_view key, const std::stop_token& stop);
Duration place_limit(const Services& services);

// "/ipns/NAME/path" or "ipns://NAME/path" without the beginning; nothing when it is no such text.
std::optional<std::string> ipns_text(std::string_view text);

nlohmann::json json_of(const std::vector<PlaceOutcome>& outcomes);
nlohmann::json json_of(const ipld::IpnsName& name, const ipld::IpnsRecord& record);

}  // namespace accel::node
