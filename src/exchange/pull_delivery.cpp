// SPDX-License-Identifier: Apache-2.0
// The part of PullSession that hands the bytes of one file to whoever waits for them, while the
// rest is still on its way (PullOptions::only).
#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "pull_session.hpp"

namespace accel::exchange {
namespace {

using Range = PullSelection::Range;

constexpr std::uint64_t kPieceBytes = 1U << 20U;
constexpr std::uint64_t kBatchBytes = 8U << 20U;  // Of one job: others want the pool too.

std::uint64_t end_of(const Range& range, std::uint64_t file_bytes) {
  if (range.offset >= file_bytes) return range.offset;
  return range.offset + std::min(range.length, file_bytes - range.offset);
}

// The end of the verified bytes that begin at `at`.
std::uint64_t ready_until(const blockstore::PartialFile& file, std::uint64_t at,
                          std::uint64_t end) {
  const auto& slots = file.slots();
  end = std::min(end, at + kBatchBytes);
  auto slot = std::ranges::upper_bound(slots, at, {}, &blockstore::LeafSlot::offset) - 1;
  while (at < end && file.have(static_cast<std::size_t>(slot - slots.begin()))) {
    at = std::min(end, slot->offset + slot->length);
    ++slot;
  }
  return at;
}

}  // namespace

bool PullSession::is_wanted(const blockstore::LeafSlot& leaf) const {
  if (!options_.only) return true;
  const auto& ranges = options_.only->ranges;
  const auto first = std::ranges::partition_point(ranges, [&](const Range& range) {
    return range.offset <= leaf.offset && leaf.offset - range.offset >= range.length;
  });
  return first != ranges.end() && first->offset < leaf.offset + leaf.length;
}

OffloadPool& PullSession::reader_pool() const {
  return options_.only->pool != nullptr ? *options_.only->pool : context_.pool;
}

Task<void> PullSession::deliver(OpenFile& file) {
  for (const Range& range : options_.only->ranges) {
    const std::uint64_t end = end_of(range, file.file_bytes);
    for (std::uint64_t at = range.offset; at < end && !over_;) {
      const std::uint64_t ready = ready_until(*file.partial, at, end);
      if (ready == at) {
        news_.expires_at(asio::steady_timer::time_point::max());
        auto waiting = news_.async_wait(asio::as_tuple(asio::use_awaitable));
        co_await std::move(waiting);
        continue;
      }
      ++file.jobs;
      auto handing = hand_out(file, at, ready);
      const Status handed = co_await std::move(handing);
      --file.jobs;
      if (!handed) fail_with(handed.error());
      at = ready;
    }
  }
  delivered_ = true;
  commit_ready_files();
  co_return Status{};
}

Task<void> PullSession::hand_out(const OpenFile& file, std::uint64_t first, std::uint64_t end) {
  auto job = [&](std::stop_token) -> Status {
    Bytes piece;
    for (std::uint64_t at = first; at < end; at += piece.size()) {
      if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The pull was stopped.");
      piece.resize(std::min(kPieceBytes, end - at));
      ACCEL_CHECK(file.partial->read(at, piece));
      ACCEL_CHECK(options_.only->on_bytes(at, piece));
    }
    return {};
  };
  auto handing = reader_pool().run(job);
  co_return co_await std::move(handing);
}

// The file was here before, or it is one block.
Task<void> PullSession::deliver_stored() {
  auto job = [this](std::stop_token) -> Status {
    const PullSelection& only = *options_.only;
    ipld::Cid file = root_;
    if (!only.path.empty()) {
      ACCEL_TRY(file, context_.store.resolve(root_, only.path));
    }
    ACCEL_TRY(report_.file_bytes, context_.store.file_size(file));
    if (report_.leaves.empty()) {
      report_.leaves.push_back({file, 0, static_cast<std::uint32_t>(report_.file_bytes)});
    }
    for (const Range& range : only.ranges) {
      std::uint64_t at = range.offset;
      const std::uint64_t end = end_of(range, report_.file_bytes);
      const auto sink = [&](ByteView bytes) -> Status {
        if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The pull was stopped.");
        ACCEL_CHECK(only.on_bytes(at, bytes));
        at += bytes.size();
        return {};
      };
      if (at < end) ACCEL_CHECK(context_.store.read(file, at, end - at, sink));
    }
    return {};
  };
  auto reading = reader_pool().run(job);
  co_return co_await std::move(reading);
}

}  // namespace accel::exchange
