// SPDX-License-Identifier: Apache-2.0
#include "accel/blockstore/lease.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "leases.hpp"
#include "locks.hpp"

namespace accel::blockstore {
namespace {

constexpr std::uint64_t kMaxLeaseBytes = 1024;  // One CID.
constexpr std::string_view kSince = "since ";   // And the number of a transaction.

Result<Lease> make_lease(const StoreCore& core, const std::string& line) {
  if (core.options.read_only) return Lease();  // Nobody may free anything through us.
  ACCEL_TRY(LockedFile file, make_locked_file(core.layout.leases(), ".lease"));
  const std::string text = line + "\n";
  const Status written = pwrite_all(file.fd.get(), as_bytes(text), 0);
  Lease lease(std::move(file.fd), std::move(file.path));
  ACCEL_CHECK(written);
  // A gc that listed the leases before this one ends before we go on; the next one sees it.
  ACCEL_CHECK(core.index->barrier());
  return lease;
}

Status add_line(std::string_view line, LiveLeases& live) {
  if (!line.starts_with(kSince)) {
    ACCEL_TRY(live.roots.emplace_back(), ipld::Cid::parse(line));
    return {};
  }
  line.remove_prefix(kSince.size());
  std::uint64_t since = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), since);
  if (error != std::errc() || end != line.data() + line.size()) {
    return fail(Errc::corrupt, "A lease names no transaction.");
  }
  live.since = std::min(live.since, since);
  return {};
}

}  // namespace

Lease::Lease(Lease&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    fd_ = std::move(other.fd_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

void Lease::release() {
  if (!fd_) return;
  ::unlink(path_.c_str());
  fd_.reset();
}

Result<Lease> take_lease(const StoreCore& core, const ipld::Cid& root) {
  return make_lease(core, root.to_string());
}

Result<Lease> take_new_blocks_lease(const StoreCore& core) {
  if (core.options.read_only) return Lease();
  ACCEL_TRY(const std::uint64_t now,
            core.index->query([](const Txn& txn) -> Result<std::uint64_t> { return txn.id(); }));
  return make_lease(core, fmt::format("{}{}", kSince, now));
}

Result<LiveLeases> live_leases(const Layout& layout) {
  LiveLeases live;
  ACCEL_TRY(const auto files, files_in(layout.leases(), false));
  for (const auto& path : files) {
    ACCEL_TRY(const bool stale, remove_if_unlocked(path));
    if (stale) continue;
    const auto text = read_text_file(path, kMaxLeaseBytes);
    if (!text) continue;  // Released meanwhile.
    // Without its line the lease is being made: its maker waits for us at the barrier.
    if (text->empty() || text->back() != '\n') continue;
    ACCEL_CHECK(add_line(std::string_view(*text).substr(0, text->size() - 1), live));
  }
  return live;
}

}  // namespace accel::blockstore
