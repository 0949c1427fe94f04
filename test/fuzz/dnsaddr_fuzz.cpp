// SPDX-License-Identifier: Apache-2.0
// What DNS may say under /dnsaddr: the first line is the address, each further one a TXT record,
// an empty line ends those of one look-up.
#include <cstdlib>
#include <sstream>

#include "dial_plan.hpp"
#include "dnsaddr.hpp"
#include "remote.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace accel::libp2p;
  std::istringstream lines(std::string(data, data + size));
  std::string line;
  std::getline(lines, line);
  const auto start = accel::ipld::Multiaddr::parse(line);
  if (!start) return 0;
  DnsaddrWalk walk(*start);
  std::size_t asked = 0;
  while (walk.next()) {
    if (++asked > kMaxDnsaddrLookups) std::abort();
    std::vector<std::string> records;
    while (std::getline(lines, line) && !line.empty()) records.push_back(line);
    walk.take(records);
  }
  if (walk.found().size() > kMaxDnsaddrResults) std::abort();
  std::vector<DialRoute> routes;
  for (const auto& address : walk.found()) {
    if (!stream_target(address)) std::abort();
    routes.push_back({address.without_peer(), address.without_peer(), address.peer_id()});
  }
  DialSchedule schedule(rank_routes(routes, 16), 8);
  accel::SteadyTime now{};
  std::size_t begun = 0;
  while (!schedule.is_over()) {
    if (schedule.begin(now) != nullptr) {
      ++begun;
      continue;
    }
    if (schedule.next() == accel::SteadyTime::max()) {
      schedule.failed();
    } else {
      now = schedule.next();
    }
  }
  if (begun > 16) std::abort();
  return 0;
}
