// SPDX-License-Identifier: Apache-2.0
#include "peers/source_book.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "accel/core/lock_wait.hpp"
#include "accel/core/log.hpp"
#include "unix_time.hpp"

namespace accel::node {
namespace {

using exchange::SourceFigures;
using nlohmann::json;

constexpr std::string_view kSpace = "sources";
constexpr std::string_view kTotalsSpace = "transfers";
constexpr std::string_view kTotals = "totals";

json json_of(const SourceFigures& figures) {
  return {{"kind", static_cast<int>(figures.kind)},
          {"rate", figures.bytes_per_second},
          {"rate_samples", figures.rate_samples},
          {"round_trip_ms", figures.round_trip_ms},
          {"failure_share", figures.failure_share},
          {"requests", figures.requests},
          {"transfers", figures.transfers},
          {"struck_off", figures.struck_off},
          {"bytes", figures.bytes},
          {"blocks", figures.blocks},
          {"failures", figures.failures},
          {"last_used_s", figures.last_used_s}};
}

SourceFigures figures_of(const std::string& text) {
  SourceFigures figures;
  const json read = json::parse(text, nullptr, false);
  if (!read.is_object()) return figures;
  const int kind = read.value("kind", 0);
  if (kind >= 0 && kind <= 2) figures.kind = static_cast<exchange::SourceKind>(kind);
  figures.bytes_per_second = read.value("rate", 0.0);
  figures.rate_samples = read.value("rate_samples", std::uint64_t{0});
  figures.round_trip_ms = read.value("round_trip_ms", 0.0);
  figures.failure_share = read.value("failure_share", 0.0);
  figures.requests = read.value("requests", std::uint64_t{0});
  figures.transfers = read.value("transfers", std::uint64_t{0});
  figures.struck_off = read.value("struck_off", std::uint64_t{0});
  figures.bytes = read.value("bytes", std::uint64_t{0});
  figures.blocks = read.value("blocks", std::uint64_t{0});
  figures.failures = read.value("failures", std::uint64_t{0});
  figures.last_used_s = read.value("last_used_s", std::int64_t{0});
  return figures;
}

using Changes = std::vector<blockstore::KvChange>;

void note_sources(const blockstore::Store& store, const exchange::PullReport& report,
                  std::int64_t now_s, Changes& changes) {
  exchange::SourceBook book = *known_sources(store);
  std::set<std::string> used;
  for (const exchange::SourceReport& source : report.sources) {
    const std::string key = exchange::source_key(source.url);
    if (key.size() > blockstore::kMaxKvKeyBytes) continue;
    book[key] = exchange::remember(book[key], source, now_s);
    used.insert(key);
  }
  exchange::SourceBook kept = book;
  exchange::bound(kept);
  for (const auto& [key, figures] : book) {
    if (!kept.contains(key)) {
      changes.push_back({std::string(kSpace), key, std::nullopt});
    } else if (used.contains(key)) {
      changes.push_back({std::string(kSpace), key, json_of(figures).dump()});
    }
  }
}

void note_totals(const blockstore::Store& store, const Result<exchange::PullReport>& report,
                 Changes& changes) {
  exchange::TransferTotals totals = transfer_totals(store);
  ++(report ? totals.completed : totals.failed);
  if (report) {
    totals.bytes_useful += report->bytes_fetched;
    totals.bytes_duplicate += report->bytes_duplicate;
    totals.bytes_rejected += report->bytes_rejected;
    if (report->bytes_fetched > 0) totals.seconds += report->seconds;
  }
  const json written{
      {"completed", totals.completed},           {"failed", totals.failed},
      {"bytes_useful", totals.bytes_useful},     {"bytes_duplicate", totals.bytes_duplicate},
      {"bytes_rejected", totals.bytes_rejected}, {"seconds", totals.seconds}};
  changes.push_back({std::string(kTotalsSpace), std::string(kTotals), written.dump()});
}

// A pull that found everything here and asked nobody is no transfer.
bool is_transfer(const Result<exchange::PullReport>& report) {
  return !report || report->bytes_fetched > 0 || report->bytes_rejected > 0 ||
         std::ranges::any_of(report->sources, [](const auto& source) {
           return source.blocks > 0 || source.failures > 0;
         });
}

Status keep(Services& services, blockstore::Store& store,
            const Result<exchange::PullReport>& report) {
  ACCEL_TRY(const FileLock lock,
            wait_for_lock(services.home().root / "sources.lock", FileLock::Mode::exclusive, {}));
  Changes changes;  // One commit for all of it: each costs two syncs of the disk.
  if (report) note_sources(store, *report, unix_seconds(services.clock()), changes);
  note_totals(store, report, changes);
  return store.kv_apply(changes);
}

}  // namespace

std::shared_ptr<const exchange::SourceBook> known_sources(const blockstore::Store& store) {
  auto book = std::make_shared<exchange::SourceBook>();
  const auto kept = store.kv_list(kSpace);
  if (!kept) return book;
  for (const auto& [key, text] : *kept) book->emplace(key, figures_of(text));
  return book;
}

exchange::TransferTotals transfer_totals(const blockstore::Store& store) {
  exchange::TransferTotals totals;
  const auto kept = store.kv_get(kTotalsSpace, kTotals);
  if (!kept || !*kept) return totals;
  const json read = json::parse(**kept, nullptr, false);
  if (!read.is_object()) return totals;
  totals.completed = read.value("completed", std::uint64_t{0});
  totals.failed = read.value("failed", std::uint64_t{0});
  totals.bytes_useful = read.value("bytes_useful", std::uint64_t{0});
  totals.bytes_duplicate = read.value("bytes_duplicate", std::uint64_t{0});
  totals.bytes_rejected = read.value("bytes_rejected", std::uint64_t{0});
  totals.seconds = read.value("seconds", 0.0);
  return totals;
}

void note_pull(Services& services, blockstore::Store& store,
               const Result<exchange::PullReport>& report) {
  if (!report && report.error().code == Errc::cancelled) return;
  if (!is_transfer(report)) return;
  if (const Status kept = keep(services, store, report); !kept) {
    log::debug("node", "What a pull measured of its sources is not kept.",
               {log::field("cause", kept.error().message)});
  }
}

}  // namespace accel::node
