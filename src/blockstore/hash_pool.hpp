// SPDX-License-Identifier: Apache-2.0
#pragma once
// The store's threads for hashing and copying: a loop over independent pieces, spread over the
// CPUs. Made on first use, so that small operations start no thread. Private to blockstore.
// Thread-safe; several loops may run at once.

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>

#include "accel/core/result.hpp"

namespace accel::blockstore {

class HashPool {
 public:
  static constexpr std::size_t kMinParallel = 2;  // Fewer pieces are done by the calling thread.

  explicit HashPool(unsigned threads);  // 0: the CPUs that this process may use.
  ~HashPool();
  HashPool(const HashPool&) = delete;
  HashPool& operator=(const HashPool&) = delete;

  // Calls body(worker, i) once for each i below count, on several threads; worker < kMaxWorkers
  // tells them apart. After an error no further piece is begun. Errors: the first of body's;
  // cancelled.
  using Body = std::function<Status(std::size_t worker, std::size_t index)>;
  Status for_each(std::size_t count, const Body& body, const std::stop_token& stop);

  static constexpr std::size_t kMaxWorkers = 16;
  // How many work at a time; starts them.
  std::size_t workers();

 private:
  struct Threads;
  Threads& threads();

  unsigned wanted_;
  std::mutex mutex_;
  std::unique_ptr<Threads> threads_;
};

}  // namespace accel::blockstore
