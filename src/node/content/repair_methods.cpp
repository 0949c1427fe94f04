// SPDX-License-Identifier: Apache-2.0
// Finding damage, and fetching again what was found.
#include "accel/core/async/sync_wait.hpp"
#include "content/byte_progress.hpp"
#include "content/dag_target.hpp"
#include "context.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

blockstore::VerifyOptions verify_options(const Context& context, ByteProgress& progress) {
  blockstore::VerifyOptions options;
  options.stop = context.stop;
  options.distrust = true;  // What is found is given to nobody any more.
  options.on_progress = [&progress](std::uint64_t, std::uint64_t bytes) {
    progress.report(bytes, 0, {});
  };
  return options;
}

json json_of(const blockstore::VerifyReport& report) {
  json damaged = json::array();
  for (const blockstore::BadBlock& bad : report.bad) {
    damaged.push_back(fmt::format("{} in {}: {}", bad.cid, bad.place, bad.message));
  }
  return {{"blocks", report.blocks},
          {"bytes", report.bytes},
          {"pins", report.pins},
          {"damaged_total", report.bad_total},
          {"damaged", std::move(damaged)}};
}

// One pin, made whole again from the sources.
json pull_again(Context& context, blockstore::Store& store, const blockstore::PinInfo& pin,
                const std::vector<std::string>& sources) {
  const Config& config = context.services.config();
  exchange::PullOptions options;
  options.sources = sources;
  options.is_private = pin.is_private;
  options.pin = false;  // It is pinned, in its own way.
  options.limits.stall_timeout = config.get<std::chrono::milliseconds>("ipfs.timeout");
  options.stop = context.stop;
  options.on_progress = [&context](const exchange::PullProgress& step) {
    context.progress({{"phase", "repair"},
                      {"bytes_done", step.bytes_done},
                      {"bytes_total", step.bytes_total},
                      {"bytes_per_second", step.bytes_per_second}});
  };
  auto pull = context.services.fetcher(store).pull(pin.cid, std::move(options));
  const auto report = sync_wait(context.services.io().executor(), std::move(pull), context.stop);
  json row{{"cid", pin.cid.to_string()}, {"name", pin.name}, {"repaired", report.has_value()}};
  if (report) {
    row["bytes_fetched"] = report->bytes_fetched;
  } else {
    row["error"] = report.error().message;
  }
  return row;
}

}  // namespace

Result<json> store_verify(Context& context) {
  const std::string target = context.params.text("target", {});
  const bool is_sample = context.params.given("sample");
  const double sample = context.params.number("sample", 0);
  ACCEL_CHECK(context.params.finish());
  if (is_sample && !(sample > 0 && sample <= 100)) {
    return fail(Errc::invalid_argument,
                "verify: the sample is a share of the blocks above 0 and up to 100 percent.");
  }
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ByteProgress progress(context, "verify");
  blockstore::VerifyOptions options = verify_options(context, progress);
  options.sample_percent = sample;
  if (!target.empty()) {
    ACCEL_TRY(const DagTarget resolved, resolve_dag_target(*store, target));
    options.root = resolved.cid;
  }
  ACCEL_TRY(const blockstore::VerifyReport report, store->verify(options));
  json result = json_of(report);
  const double seconds = progress.seconds();
  result["seconds"] = seconds;
  result["bytes_per_second"] = seconds > 0 ? static_cast<double>(report.bytes) / seconds : 0.0;
  return result;
}

Result<json> store_repair(Context& context) {
  std::vector<std::string> sources = context.params.texts("sources");
  ACCEL_CHECK(context.params.finish());
  if (sources.empty()) sources = context.services.config().get<ConfigList>("ipfs.gateway");
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ByteProgress progress(context, "verify");
  ACCEL_TRY(const blockstore::VerifyReport found, store->verify(verify_options(context, progress)));
  ACCEL_TRY(const auto checks, store->check_pins(context.stop));
  json roots = json::array();
  std::size_t broken = 0;
  for (const blockstore::PinCheck& check : checks) {
    if (check.error.empty()) continue;
    if (check.pin.direct) {  // A pull would bring all that the block links to.
      roots.push_back({{"cid", check.pin.cid.to_string()},
                       {"name", check.pin.name},
                       {"repaired", false},
                       {"error", "Only its block is pinned; pull it, or unpin it."}});
    } else {
      roots.push_back(pull_again(context, *store, check.pin, sources));
    }
    broken += roots.back().at("repaired").get<bool>() ? 0U : 1U;
  }
  json left = json::array();
  if (found.bad_total > 0) {
    ACCEL_TRY(const blockstore::VerifyReport after,
              store->verify(verify_options(context, progress)));
    left = json_of(after).at("damaged");
  }
  return json{{"verified", json_of(found)},
              {"roots", std::move(roots)},
              {"broken", broken},
              {"damaged_left", std::move(left)}};
}

}  // namespace accel::node
