// SPDX-License-Identifier: Apache-2.0
#include "serving/loaded_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "accel/core/log.hpp"
#include "accel/hardware/cpu_info.hpp"
#include "names/names.hpp"
#include "serving/model_spans.hpp"
#include "serving/model_store.hpp"

namespace accel::node {
namespace {

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

// What is known of a model before it is opened.
struct TextFile {
  const models::Variant* variant = nullptr;
  std::optional<StoredModel> draft;
  std::string weights_sha256;
  std::filesystem::path path;
  inference::LlamaModelOptions options;
  std::uint64_t bytes = 0;  // Of the weights and the context.
};

Result<TextFile> fetch_text(Context& context, const StoredModel& model, int threads) {
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  TextFile file;
  ACCEL_TRY(file.variant, models::generation_variant(model.manifest));
  ACCEL_TRY(file.weights_sha256, weights_hash(*store, *file.variant, model.fetcher, context.stop));
  ACCEL_TRY(file.path, models::fetch_variant(*file.variant, model.fetcher));
  ACCEL_TRY(threads, text_threads(context.services.config(), threads));
  ACCEL_TRY(file.options, model_options(context.services, threads));
  ACCEL_TRY(const inference::GgufHeader header, inference::read_gguf_file(file.path));
  const std::uint64_t context_bytes = inference::kv_cache_bytes(header, file.options);
  const std::uint64_t parked =
      file.options.prefix_cache ? context_bytes / inference::kParkedShare : 0;
  file.bytes = file.variant->bytes() + context_bytes + parked;
  return file;
}

void warn_without(const DraftWish& wish, const Error& error) {
  log::warn("node", "a text is written without the model of text.draft_model",
            {log::field("draft_model", wish.model), log::field("cause", error.to_string())});
}

// Adds the draft model's file to that of the model.
Status fetch_draft(Context& context, const StoredModel& model, const DraftWish& wish,
                   TextFile& file) {
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(StoredModel found, open_or_pull_model(context, *store, wish.model));
  if (found.root == model.root) return {};  // It would gain nothing of itself.
  ACCEL_TRY(const models::Variant* const variant, models::generation_variant(found.manifest));
  ACCEL_TRY(const std::filesystem::path path, models::fetch_variant(*variant, found.fetcher));
  ACCEL_TRY(const inference::GgufHeader header, inference::read_gguf_file(path));
  file.options.draft_file = path;
  file.bytes += variant->bytes() + inference::kv_cache_bytes(header, file.options);
  file.draft = std::move(found);
  return {};
}

// What the configuration wants and can't be is left out.
Result<std::unique_ptr<inference::LlamaModel>> open_text(ServingContext& call, const TextFile& file,
                                                         const DraftWish& wish) {
  auto opened = call.serving.llama.open(file.path, file.options);
  if (opened || wish.asked || file.options.draft_file.empty()) return opened;
  inference::LlamaModelOptions without = file.options;
  without.draft_file.clear();
  auto again = call.serving.llama.open(file.path, without);
  if (again) warn_without(wish, opened.error());
  return again;
}

Result<std::shared_ptr<inference::PooledModel>> load_text(ServingContext& call, StoredModel& model,
                                                          TextFile& file, const DraftWish& wish) {
  Services& services = call.context.services;
  auto loaded = std::make_shared<LoadedText>();
  trace::Span span = load_span(model.name, model.root);
  auto made = open_text(call, file, wish);
  if (!made) span.fail(made.error());
  ACCEL_TRY(auto opened, std::move(made));
  tell_text_model(span, opened->info());
  span.end();
  if (opened->info().has_draft) {
    loaded->draft = wish.model;
    loaded->draft_lease = std::move(file.draft->lease);
  }
  loaded->loaded_at = services.clock().wall_now();
  loaded->lease = std::move(model.lease);
  loaded->name = model.name;
  loaded->root = model.root;
  loaded->weights_sha256 = file.weights_sha256;
  loaded->precision = file.variant->precision;
  loaded->bytes = file.variant->bytes();
  loaded->generator = std::make_unique<models::TextGenerator>(std::move(opened));
  return loaded;
}

// `draft`: what the draft model's name leads to, or the name where it leads nowhere yet.
std::string key_of(const blockstore::Store& store, const ipld::Cid& root, int threads,
                   const DraftWish& wish) {
  std::string key = fmt::format("text {} {}", root, threads);
  if (wish.model.empty()) return key;
  const auto draft = resolve_target(store, wish.model);
  if (draft && draft->cid == root) return key;
  return fmt::format("{} {}", key, draft ? draft->cid.to_string() : wish.model);
}

}  // namespace

int threads_by_load(int usable, int cpus, double load) {
  const double idle = std::clamp(1.0 - load / cpus, 0.0, 1.0);
  return std::max(1, static_cast<int>(std::lround(usable * idle)));
}

// A decoder's threads wait for each other at every layer: more of them than CPUs hardly get on.
Result<int> text_threads(const Config& config, int wanted) {
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

Result<TextReady> ready_text(ServingContext& call, const std::string& model, int threads,
                             const DraftWish& draft) {
  Context& context = call.context;
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  if (const auto target = resolve_target(*store, model)) {
    TextReady ready{};
    ready.model =
        inference::Lent<LoadedText>(call.serving.find(key_of(*store, target->cid, threads, draft)));
    if (ready.model) ready.name = target->name.empty() ? ready.model->name : target->name;
    if (ready.model) return ready;  // It holds the files: none is looked at.
  }
  ACCEL_TRY(StoredModel found, open_or_pull_model(context, *store, model));
  if (found.manifest.task != "text-generation") {
    return fail(Errc::invalid_argument, "{} is a model for {}, not for text-generation.", model,
                found.manifest.task);
  }
  ACCEL_TRY(TextFile file, fetch_text(context, found, threads));
  if (!draft.model.empty()) {
    const Status fetched = fetch_draft(context, found, draft, file);
    if (!fetched && draft.asked) return fail(Error(fetched.error()));
    if (!fetched) warn_without(draft, fetched.error());
  }
  const std::string key = key_of(*store, found.root, threads, draft);
  const auto demand = call.serving.demand(found, key, file.bytes);
  const auto load = [&] { return load_text(call, found, file, draft); };
  ACCEL_TRY(inference::Loan loan, call.serving.models.get(demand, load, context.stop));
  const double load_ms = loan.load_ms();
  return TextReady{inference::Lent<LoadedText>(std::move(loan)), found.name, load_ms};
}

}  // namespace accel::node
