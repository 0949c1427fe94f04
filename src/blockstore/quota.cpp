// SPDX-License-Identifier: Apache-2.0
#include "quota.hpp"

#include <sys/stat.h>

#include "accel/core/lock_wait.hpp"
#include "accel/core/log.hpp"
#include "collector.hpp"
#include "record_bytes.hpp"

namespace accel::blockstore {
namespace {

constexpr int kMaxGcTries = 100;          // Of kLockPoll each, while another process collects.
constexpr std::uint64_t kSlackPart = 20;  // A twentieth more is freed than is needed now.

Bytes use_key(Container container) {
  return FieldWriter()
      .put(as_bytes(container.is_file ? "use/file/" : "use/pack/"))
      .put(container.id)
      .take();
}

Result<std::uint64_t> count_stored(const StoreCore& core) {
  std::uint64_t bytes = 0;
  const Status looked = core.index->read([&](const Txn& txn) -> Status {
    ACCEL_CHECK(txn.each(Table::files, {}, [&](ByteView, ByteView value) -> Result<bool> {
      ACCEL_TRY(const FileRecord record, decode_file(value));
      if (!record.referenced) bytes += record.stamp.size;
      return true;
    }));
    return txn.each(Table::packs, {}, [&](ByteView, ByteView value) -> Result<bool> {
      ACCEL_TRY(const std::uint64_t end, decode_u64(value));
      bytes += end;
      return true;
    });
  });
  ACCEL_CHECK(looked);
  ACCEL_TRY(const auto partials, files_in(core.layout.partial(), false));
  for (const auto& path : partials) {
    struct stat info{};
    // Sparse: what it will hold counts.
    if (::stat(path.c_str(), &info) == 0) bytes += static_cast<std::uint64_t>(info.st_size);
  }
  return bytes;
}

Status collect(StoreCore& core, std::uint64_t bytes) {
  GcOptions options;
  options.free_bytes = bytes;
  for (int i = 0; i < kMaxGcTries; ++i) {
    const auto report = Collector(core, options).run();
    if (report) return {};
    if (report.error().code != Errc::unavailable) return fail(report.error());
    ACCEL_CHECK(pause_for(kLockPoll, {}));
  }
  return fail(Errc::unavailable, "Another gc is running; try again when it is done.");
}

}  // namespace

Status make_room(StoreCore& core, std::uint64_t bytes) {
  const std::uint64_t limit = core.options.max_bytes;
  if (limit == 0 || bytes == 0) return {};
  UseTable& uses = *core.uses;
  const std::scoped_lock lock(uses.quota_mutex);
  const auto fits = [&] {
    return uses.is_counted && bytes <= limit && uses.stored_bytes <= limit - bytes;
  };
  // Other processes store and free, too: what is known is believed only while it fits.
  for (int round = 0; round < 2 && !fits(); ++round) {
    ACCEL_TRY(uses.stored_bytes, count_stored(core));
    uses.is_counted = true;
    if (fits() || bytes > limit) break;
    ACCEL_CHECK(collect(core, uses.stored_bytes - (limit - bytes) + limit / kSlackPart));
    ACCEL_TRY(uses.stored_bytes, count_stored(core));
  }
  if (!fits()) {
    return fail(Errc::resource_exhausted,
                "{} more do not fit: the store may hold {} (store.max_bytes) and keeps {}. Unpin "
                "something, or raise the limit.",
                human_bytes(bytes), human_bytes(limit), human_bytes(uses.stored_bytes));
  }
  uses.stored_bytes += bytes;
  return {};
}

void flush_uses(StoreCore& core) {
  if (core.uses == nullptr || core.options.read_only) return;
  const auto used = core.uses->take();
  if (used.empty()) return;
  const Status written = core.index->write([&](Txn& txn) -> Status {
    for (const auto& [container, time] : used) {
      // What is gone meanwhile needs no entry.
      const Table table = container.is_file ? Table::files : Table::packs;
      ACCEL_TRY(const auto there, txn.get(table, encode_u64(container.id)));
      if (!there) continue;
      ACCEL_CHECK(
          txn.put(Table::meta, use_key(container), encode_u64(static_cast<std::uint64_t>(time))));
    }
    return {};
  });
  if (written) return;
  log::warn("blockstore", "When files were used last could not be written.",
            {log::field("cause", written.error().message)});
}

Result<std::int64_t> last_use(const Txn& txn, Container container) {
  ACCEL_TRY(const auto time, get_number(txn, Table::meta, use_key(container)));
  return static_cast<std::int64_t>(time.value_or(0));
}

Status forget_use(Txn& txn, Container container) {
  return txn.erase(Table::meta, use_key(container));
}

}  // namespace accel::blockstore
