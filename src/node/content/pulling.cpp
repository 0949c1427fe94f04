// SPDX-License-Identifier: Apache-2.0
#include "content/pulling.hpp"

#include "accel/core/async/sync_wait.hpp"
#include "names/names.hpp"
#include "peers/source_book.hpp"
#include "recorder.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kMostRate = std::int64_t{1} << 50;

// Without a total while the tree is still read: a share of what is known so far would mislead.
json progress_of(const exchange::PullProgress& progress) {
  json step{{"phase", "pull"},
            {"bytes_done", progress.bytes_done},
            {"bytes_total", progress.total_known ? progress.bytes_total : 0},
            {"bytes_per_second", progress.bytes_per_second}};
  if (progress.seconds_left) step["eta_seconds"] = *progress.seconds_left;
  return step;
}

Result<exchange::PullReport> run(Context& context, blockstore::Store& store, const ipld::Cid& root,
                                 exchange::PullOptions options) {
  exchange::Fetcher& fetcher = context.services.fetcher(store);
  auto pull = fetcher.pull(root, std::move(options));
  return sync_wait(context.services.io().executor(), std::move(pull), context.stop);
}

}  // namespace

Result<exchange::PullOptions> pull_options(Context& context) {
  const Config& config = context.services.config();
  exchange::PullOptions options;
  options.sources = context.params.texts("sources");
  options.file_sources = context.params.texts("file_sources");
  (void)context.params.texts("routers");  // Known; find_sources() reads them.
  options.peers = context.params.texts("peers");
  // Whoever names peers means them and no gateway, unless one is named as well.
  if (options.sources.empty() && options.peers.empty()) {
    options.sources = config.get<ConfigList>("ipfs.gateway");
  }
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  options.known = known_sources(*store);
  options.ask_connected_peers = context.services.has_swarm();
  if (!options.peers.empty() || options.ask_connected_peers) {
    ACCEL_CHECK(context.services.bitswap());
  }
  options.limits.stall_timeout = config.get<std::chrono::milliseconds>("ipfs.timeout");
  options.limits.max_requests_per_source =
      static_cast<std::uint32_t>(config.get<std::int64_t>("performance.parallel_requests"));
  const auto configured = config.get<std::int64_t>("ipfs.max_download_rate");
  options.limits.max_bytes_per_second = static_cast<std::uint64_t>(
      context.params.integer_in("limit_rate", std::min(configured, kMostRate), 0, kMostRate));
  if (context.params.flag("background")) options.urgency = exchange::Urgency::background;
  options.stop = context.stop;
  options.on_progress = [&context](const exchange::PullProgress& step) {
    context.progress(progress_of(step));
  };
  return options;
}

void expect_pull_params(Params& params) {
  for (const char* name : {"sources", "file_sources", "routers", "peers"}) {
    (void)params.texts(name);
  }
  (void)params.integer_in("limit_rate", 0, 0, kMostRate);
  (void)params.flag("background");
}

Result<exchange::PullReport> pull_root(Context& context, blockstore::Store& store,
                                       const ipld::Cid& root, exchange::PullOptions options) {
  auto report = run(context, store, root, std::move(options));
  record_pull(context, root, report);
  note_pull(context.services, store, report);
  return report;
}

Result<exchange::PullReport> pull_from_anywhere(Context& context, blockstore::Store& store,
                                                const ipld::Cid& root) {
  ACCEL_TRY(exchange::PullOptions options, pull_options(context));
  const Status asked = find_sources(context, root, options);
  auto pulled = pull_root(context, store, root, std::move(options));
  if (!pulled && !asked) return fail(Error(asked.error()));
  return pulled;
}

nlohmann::json json_of(const exchange::PullReport& report) {
  using nlohmann::json;
  json sources = json::array();
  for (const exchange::SourceReport& source : report.sources) {
    sources.push_back({{"url", source.url},
                       {"kind", exchange::source_kind_name(source.kind)},
                       {"bytes", source.bytes},
                       {"blocks", source.blocks},
                       {"failures", source.failures},
                       {"bytes_per_second", source.median_rate},
                       {"rate_samples", source.rate_samples},
                       {"first_byte_ms", source.round_trip_ms},
                       {"last_error", source.last_error},
                       {"struck_off", source.struck_off}});
  }
  return {{"cid", report.root.to_string()},
          {"bytes_total", report.bytes_total},
          {"bytes_fetched", report.bytes_fetched},
          {"bytes_reused", report.bytes_reused},
          {"bytes_duplicate", report.bytes_duplicate},
          {"bytes_rejected", report.bytes_rejected},
          {"bytes_verified", report.bytes_verified},
          {"files", report.files},
          {"seconds", report.seconds},
          {"sources", std::move(sources)},
          {"provenance", "measured"}};
}

Result<FileTarget> file_target(const blockstore::Store& store, std::string_view text) {
  text = without_ipfs_prefix(text);
  const std::size_t slash = std::min(text.find('/'), text.size());
  ACCEL_TRY(const Target root, resolve_target(store, text.substr(0, slash)));
  FileTarget target{root.root, {}};
  while (!text.empty()) {  // Without empty parts.
    text.remove_prefix(std::min(text.find('/'), text.size()));
    text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
    const std::string_view part = text.substr(0, text.find('/'));
    if (!part.empty()) target.path += fmt::format("{}{}", target.path.empty() ? "" : "/", part);
  }
  return target;
}

Result<exchange::PullReport> fetch_part(Context& context, blockstore::Store& store,
                                        const FileTarget& target,
                                        const exchange::PullOptions& options,
                                        exchange::PullSelection selection) {
  exchange::PullOptions part = options;
  selection.path = target.path;
  part.only = std::move(selection);
  part.pin = false;
  auto report = run(context, store, target.root, std::move(part));
  if (!report || report->bytes_fetched > 0) {
    record_pull(context, target.root, report);
    note_pull(context.services, store, report);
  }
  return report;
}

}  // namespace accel::node
