// SPDX-License-Identifier: Apache-2.0
#include "serving/priority_wish.hpp"

#include <algorithm>

namespace accel::node {

Result<Priority> priority_wish(Context& context) {
  const Priority best = context.caller.best_priority();
  const auto usual = static_cast<std::int64_t>(std::max(best, Priority::normal));
  const auto wanted = static_cast<Priority>(context.params.integer_in("priority", usual, 1, 3));
  if (wanted < best) {
    return fail(Errc::permission_denied,
                "The key {} may ask for the priority {} ({}) at best, not for {} ({}).",
                context.caller.who, static_cast<int>(best), priority_name(best),
                static_cast<int>(wanted), priority_name(wanted));
  }
  context.services.metrics()
      .counter("accel_priority_requests_total", "Requests that run models, by how urgent they are",
               {{"priority", std::string(priority_name(wanted))}})
      .add(1);
  return wanted;
}

}  // namespace accel::node
