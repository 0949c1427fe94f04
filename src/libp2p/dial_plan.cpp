// SPDX-License-Identifier: Apache-2.0
#include "dial_plan.hpp"

#include <algorithm>

#include "remote.hpp"

namespace accel::libp2p {
namespace {

bool is_near(const DialRoute& route) {
  const Reach reach = reach_of(route.numeric);
  return reach == Reach::loopback || reach == Reach::local;
}

bool is_six(const DialRoute& route) {
  const auto parts = route.numeric.parts();
  return !parts.empty() && parts.front().code == ipld::AddressCode::ip6;
}

// The lower, the earlier; equal ones take turns by family.
int class_of(const DialRoute& route) {
  const auto target = stream_target(route.numeric);
  const int websocket = target && target->websocket ? 1 : 0;
  switch (reach_of(route.numeric)) {
    case Reach::loopback:
      return 0 + websocket;
    case Reach::local:
      return 2 + websocket;
    default:
      return 4 + websocket;
  }
}

// IPv6 first, as RFC 8305 section 4 has it.
void take_turns(std::vector<DialRoute>::iterator first, std::vector<DialRoute>::iterator last) {
  const auto middle = std::stable_partition(first, last, is_six);
  std::vector<DialRoute> merged;
  auto six = first;
  auto four = middle;
  while (six != middle || four != last) {
    if (six != middle) merged.push_back(std::move(*six++));
    if (four != last) merged.push_back(std::move(*four++));
  }
  std::ranges::move(merged, first);
}

void drop_repetitions(std::vector<DialRoute>& routes) {
  std::vector<DialRoute> once;
  for (DialRoute& route : routes) {
    const bool again = std::ranges::any_of(once, [&](const DialRoute& other) {
      return other.numeric == route.numeric && other.peer == route.peer;
    });
    if (!again) once.push_back(std::move(route));
  }
  routes = std::move(once);
}

}  // namespace

std::vector<DialRoute> rank_routes(std::vector<DialRoute> routes, std::size_t most) {
  drop_repetitions(routes);
  const auto proven = std::ranges::find(routes, true, &DialRoute::proven);
  auto first = routes.begin();
  if (proven != routes.end()) std::rotate(first++, proven, proven + 1);
  std::stable_sort(first, routes.end(), [](const DialRoute& left, const DialRoute& right) {
    return class_of(left) < class_of(right);
  });
  for (auto from = first; from != routes.end();) {
    const int alike = class_of(*from);
    const auto to = std::find_if(
        from, routes.end(), [alike](const DialRoute& route) { return class_of(route) != alike; });
    take_turns(from, to);
    from = to;
  }
  const auto far = std::find_if_not(first, routes.end(), is_near);
  if (far - first > static_cast<std::ptrdiff_t>(kNearFirst)) {
    std::rotate(first + static_cast<std::ptrdiff_t>(kNearFirst), far, routes.end());
  }
  if (routes.size() > most) routes.resize(most);
  return routes;
}

DialSchedule::DialSchedule(std::vector<DialRoute> ranked, std::size_t at_once)
    : routes_(std::move(ranked)), at_once_(std::max<std::size_t>(at_once, 1)) {}

const DialRoute* DialSchedule::begin(SteadyTime now) {
  if (begun_ == routes_.size() || running_ >= at_once_ || now < next()) return nullptr;
  const DialRoute& route = routes_[begun_++];
  ++running_;
  next_ = now + (is_near(route) ? kNearGap : kFarGap);
  return &route;
}

SteadyTime DialSchedule::next() const {
  if (begun_ == routes_.size() || running_ >= at_once_) return SteadyTime::max();
  return running_ == 0 ? SteadyTime{} : next_;
}

void DialSchedule::connected(SteadyTime now) { next_ = std::max(next_, now + 2 * kNearGap); }

void DialSchedule::failed() {
  if (running_ > 0) --running_;
  next_ = {};
}

}  // namespace accel::libp2p
