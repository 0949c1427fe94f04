// SPDX-License-Identifier: Apache-2.0
#pragma once
// Protects what is in the store of a root's DAG from gc while it lives, in all processes: a file
// under leases/ that this process holds with flock; the kernel lets go of it when the process dies.
// Used by exchange (from before the first put() of a pull to its pin), node (open sessions) and by
// the store itself. Move-only; may be destroyed on any thread, and after the Store.

#include <filesystem>

#include "accel/core/file.hpp"

namespace accel::blockstore {

class Lease {
 public:
  Lease() = default;  // Holds nothing.
  Lease(UniqueFd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { release(); }

  void release();

 private:
  UniqueFd fd_;
  std::filesystem::path path_;
};

}  // namespace accel::blockstore
