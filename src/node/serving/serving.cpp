// SPDX-License-Identifier: Apache-2.0
#include "serving/serving.hpp"

#include <algorithm>

#include "accel/hardware/cpu_info.hpp"
#include "accel/hardware/memory.hpp"
#include "accel/security/role.hpp"
#include "names/names.hpp"
#include "serving/keep_alive.hpp"
#include "serving/loaded_tensors.hpp"
#include "serving/model_store.hpp"

namespace accel::node {
namespace {

// Of the memory that this process may use, when nothing is configured: the rest is for what calls
// compute, for the store's pages and for others.
constexpr double kBudgetShare = 0.75;
// A request that finds no room waits for others to end, this many at a time: each holds a thread.
constexpr std::size_t kMaxWaiting = 16;

std::uint64_t budget_of(const Config& config) {
  const auto configured = config.get<std::int64_t>("models.memory_budget");
  if (configured > 0) return static_cast<std::uint64_t>(configured);
  const auto usable = static_cast<double>(hardware::cpu_info().memory_usable_bytes);
  return static_cast<std::uint64_t>(usable * kBudgetShare);
}

std::size_t instances_of(const Config& config) {
  return static_cast<std::size_t>(config.get<std::int64_t>("models.instances"));
}

// A command makes one call, and leaves nothing to another.
std::uint64_t output_budget(const Services& services) {
  if (!services.is_daemon()) return 0;
  return static_cast<std::uint64_t>(services.config().get<std::int64_t>("models.output_cache"));
}

inference::PoolOptions options_of(const Services& services) {
  inference::PoolOptions options;
  options.keeps = services.is_daemon();
  if (!options.keeps) return options;  // A command's memory is its user's own affair.
  options.limits.budget_bytes = budget_of(services.config());
  options.max_wait = services.config().get<std::chrono::milliseconds>("models.max_wait");
  options.max_waiting = kMaxWaiting;
  return options;
}

inference::PoolSeams seams_of(const Services& services) {
  inference::PoolSeams seams;
  seams.clock = &services.clock();
  if (!services.is_daemon()) return seams;
  seams.resident = []() -> std::optional<std::uint64_t> {
    const auto memory = hardware::process_memory();
    return memory ? std::optional(memory->resident_bytes) : std::nullopt;
  };
  seams.peak = [] { return hardware::peak_memory(); };
  seams.restart_peak = [] { return hardware::restart_peak_memory(); };
  seams.headroom = [] { return hardware::memory_headroom(); };
  seams.return_memory = hardware::return_freed_memory;
  return seams;
}

bool is_pinned(Services& services, const ipld::Cid& root) {
  const auto names = services.config().get<ConfigList>("models.pinned");
  const auto store = services.store();
  return store && std::ranges::any_of(names, [&](const std::string& name) {
           const auto target = resolve_target(**store, name);
           return target && target->cid == root;
         });
}

}  // namespace

Serving::Serving(Services& all)
    : services(all),
      outputs(output_budget(all), all.metrics()),
      models(options_of(all), all.metrics(), seams_of(all)) {
  if (models.keeps()) hardware::keep_little_freed_memory();
  models.start();
}

inference::Loan Serving::find(const std::string& key) {
  return models.find(key, instances_of(services.config()));
}

inference::PoolDemand Serving::demand(const StoredModel& model, std::string key,
                                      std::uint64_t bytes, std::uint64_t opening_bytes) const {
  inference::PoolDemand demand{.key = std::move(key)};
  demand.name = model.name.empty() ? model.root.to_string() : model.name;
  demand.bytes = bytes;
  demand.opening_bytes = opening_bytes;
  demand.keep_alive = Duration::zero();
  if (!models.keeps()) return demand;
  const Config& config = services.config();
  demand.pinned = is_pinned(services, model.root);
  demand.instances = instances_of(config);
  // The key was checked when the configuration was read.
  demand.keep_alive = parse_keep_alive(config.get<std::string>("models.keep_alive"))
                          .value_or(std::chrono::minutes(5));
  return demand;
}

Result<std::optional<Duration>> keep_alive_wish(ServingContext& call) {
  ACCEL_TRY(const auto wish, keep_alive_of(call.value("keep_alive")));
  const bool may = security::may(call.context.caller.role, security::Role::operate);
  return may ? wish : std::nullopt;
}

}  // namespace accel::node
