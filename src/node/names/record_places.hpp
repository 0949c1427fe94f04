// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where signed records of names go to and come from besides the own store: delegated routers, the
// DHT, whatever else keeps them. A place is a name for people and two functions, so that each
// network is bound in one line. Used by the name methods and the publisher. Coroutines of one
// serial executor. What a place gives is verified here: a record that its name did not sign, or
// that has expired, counts as a failure of the place.

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "accel/core/async/task.hpp"
#include "accel/core/clock.hpp"
#include "accel/ipld/ipns_record.hpp"
#include "accel/net/http_client.hpp"

namespace accel::node {

struct RecordPlace {
  std::string name;  // "http://router", "DHT".
  std::function<Task<void>(ipld::IpnsName, Bytes)> put;
  // Errors: not_found when it has none.
  std::function<Task<Bytes>(ipld::IpnsName)> get;
  Duration put_limit{};  // Instead of the caller's, when it takes longer.
};

// What a place answered; no error: it took or gave a record.
struct PlaceOutcome {
  std::string place;
  std::optional<Error> error;
};

struct FoundRecord {
  Bytes bytes;
  ipld::IpnsRecord record;
  std::string place;
};
struct RecordSearch {
  std::optional<FoundRecord> best;  // The highest sequence, then the longest validity.
  std::vector<PlaceOutcome> outcomes;
};

// All places at once, each within `limit`. Errors: cancelled.
Task<std::vector<PlaceOutcome>> put_everywhere(std::vector<RecordPlace> places, ipld::IpnsName name,
                                               Bytes record, Duration limit);
Task<RecordSearch> find_best(std::vector<RecordPlace> places, ipld::IpnsName name, Duration limit,
                             const Clock& clock);

// Delegated routers by their URLs. The client must outlive them.
std::vector<RecordPlace> router_places(net::HttpClient& client,
                                       const std::vector<std::string>& routers, Duration timeout,
                                       const std::stop_token& stop);

}  // namespace accel::node
