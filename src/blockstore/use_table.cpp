// SPDX-License-Identifier: Apache-2.0
#include "use_table.hpp"

namespace accel::blockstore {

void UseTable::touch(Container container) {
  if (!is_on_) return;
  const auto now =
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.wall_now().time_since_epoch())
          .count();
  const std::scoped_lock lock(mutex_);
  used_[container] = now;
}

std::map<Container, std::int64_t> UseTable::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(used_, {});
}

}  // namespace accel::blockstore
