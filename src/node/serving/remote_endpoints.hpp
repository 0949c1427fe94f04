// SPDX-License-Identifier: Apache-2.0
#pragma once
// The endpoints of a home: their list in endpoints.json, and the multiplexer over them. One per
// node, thread-safe. Nothing is read, and no thread is made, before somebody asks.

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/random.hpp"
#include "accel/endpoints/multiplexer.hpp"
#include "services.hpp"

namespace accel::node {

class RemoteEndpoints {
 public:
  // Errors: of reading the file, corrupt, unsupported.
  Result<std::vector<endpoints::Endpoint>> list(Services& services);
  // Errors: already_exists (unless `replace`), resource_exhausted (too many), those of the file.
  Status add(Services& services, endpoints::Endpoint endpoint, bool replace);
  Status remove(Services& services, const std::string& name);  // Errors: also not_found.
  Result<endpoints::Multiplexer*> multiplexer(Services& services);
  // What this node calls itself in the header Via (RFC 9110, 7.6.3): another name each time.
  const std::string& via() const { return via_; }

 private:
  Status load(Services& services);
  Status save(Services& services, std::vector<endpoints::Endpoint> changed);

  const std::string via_ = "1.1 ipfs-accelerate-" + random_hex(system_random(), 8);
  std::mutex mutex_;
  std::optional<std::vector<endpoints::Endpoint>> list_;
  std::unique_ptr<IoThread> io_;  // Outlives what runs on it.
  std::unique_ptr<endpoints::Multiplexer> multiplexer_;
};

}  // namespace accel::node
