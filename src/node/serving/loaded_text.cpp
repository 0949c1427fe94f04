// SPDX-License-Identifier: Apache-2.0
#include "serving/loaded_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "accel/hardware/cpu_info.hpp"
#include "serving/model_store.hpp"

namespace accel::node {
namespace {

// A decoder's threads wait for each other at every layer: more of them than CPUs hardly get on.
Result<int> choose_threads(const Config& config, int wanted) {
  const hardware::CpuInfo cpu = hardware::cpu_info();
  if (wanted > cpu.usable_threads) {
    return fail(Errc::invalid_argument,
                "This process may use {} CPUs; with {} threads a text would hardly get on.",
                cpu.usable_threads, wanted);
  }
  if (wanted > 0) return wanted;
  if (const auto configured = config.get<std::int64_t>("cpu.num_threads"); configured > 0)
    return static_cast<int>(std::min<std::int64_t>(configured, cpu.usable_threads));
  double load = 0;
  if (::getloadavg(&load, 1) != 1) load = 0;
  return threads_by_load(cpu.usable_threads, std::max(cpu.logical_cpus, 1), load);
}

Result<inference::LlamaModelOptions> model_options(Services& services, int threads) {
  const Config& config = services.config();
  const auto size = [&](const char* key) {
    return static_cast<std::size_t>(config.get<std::int64_t>(key));
  };
  inference::LlamaModelOptions options;
  options.context = size("text.context");
  options.parallel = services.is_daemon() ? size("text.parallel") : 1;
  options.max_waiting = services.is_daemon() ? size("text.queue") : 0;
  options.threads = threads;
  options.prefix_cache = config.get<bool>("text.prefix_cache");
  options.spinning = config.get<bool>("text.spinning");
  ACCEL_TRY(options.kv_type, inference::kv_type_of(config.get<std::string>("text.kv_cache")));
  return options;
}

Result<std::shared_ptr<LoadedText>> load_text(ServingContext& call, StoredModel& model,
                                              int threads) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const models::Variant* const variant, models::generation_variant(model.manifest));
  auto loaded = std::make_shared<LoadedText>();
  ACCEL_TRY(loaded->weights_sha256, weights_hash(*store, *variant, model.fetcher, context.stop));
  ACCEL_TRY(const std::filesystem::path file, models::fetch_variant(*variant, model.fetcher));
  const SteadyTime before = context.services.clock().now();
  ACCEL_TRY(threads, choose_threads(context.services.config(), threads));
  ACCEL_TRY(const auto options, model_options(context.services, threads));
  ACCEL_TRY(auto opened, call.serving.llama.open(file, options));
  loaded->load_ms = to_ms(context.services.clock().now() - before);
  loaded->loaded_at = context.services.clock().wall_now();
  loaded->lease = std::move(model.lease);
  loaded->name = model.name;
  loaded->root = model.root;
  loaded->precision = variant->precision;
  loaded->bytes = variant->bytes();
  loaded->generator = std::make_unique<models::TextGenerator>(std::move(opened));
  return loaded;
}

}  // namespace

int threads_by_load(int usable, int cpus, double load) {
  const double idle = std::clamp(1.0 - load / cpus, 0.0, 1.0);
  return std::max(1, static_cast<int>(std::lround(usable * idle)));
}

Result<TextReady> ready_text(ServingContext& call, const std::string& model, int threads) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(StoredModel found, open_or_pull_model(context, *store, model));
  if (found.manifest.task != "text-generation") {
    return fail(Errc::invalid_argument, "{} is a model for {}, not for text-generation.", model,
                found.manifest.task);
  }
  const std::string key = fmt::format("{} {}", found.root, threads);
  Kept<LoadedText>& kept = call.serving.texts;
  TextReady ready{kept.find(key), found.name, 0};
  if (ready.model) return ready;
  ACCEL_TRY(const auto turn, context.services.loading().take(context.stop));
  ready.model = kept.find(key);  // Loaded while this one waited.
  if (ready.model) return ready;
  ACCEL_TRY(ready.model, load_text(call, found, threads));
  ready.load_ms = ready.model->load_ms;
  kept.keep(key, ready.model);
  return ready;
}

}  // namespace accel::node
