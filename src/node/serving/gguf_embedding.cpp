// SPDX-License-Identifier: Apache-2.0
#include "serving/gguf_embedding.hpp"

#include <algorithm>

#include "accel/models/text_embedder.hpp"
#include "accel/models/text_generator.hpp"
#include "names/names.hpp"
#include "serving/loaded_text.hpp"
#include "serving/model_spans.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr const char* kTask = "text-embedding";
constexpr const char* kWhy = "llama.cpp alone runs GGUF files";
// A decoder's step takes memory by its tokens and its vocabulary, so a text may not fill the
// whole context: with 2,048 tokens 0.8 GB for a vocabulary of 49,152.
constexpr std::size_t kMostTokens = 2048;

struct Ready {
  inference::Lent<LoadedGgufEmbedder> model;
  double load_ms = 0;  // 0 when it was kept from an earlier run.
};

std::string key_of(const ipld::Cid& root, const RunRequest& request) {
  return fmt::format("embed-gguf {} {}", root, request.policy.threads);
}

Status check_request(const RunRequest& request, const std::string& precision) {
  const perf::Policy& policy = request.policy;
  if (policy.device != "auto" && policy.device != "cpu")
    return fail(Errc::unsupported, "llama.cpp runs on the CPU here, not on {}.", policy.device);
  if (policy.precision != "auto" && policy.precision != precision)
    return fail(Errc::unsupported,
                "llama.cpp computes as the file is stored ({}), not in {}: leave the precision at "
                "auto.",
                precision, policy.precision);
  if (request.inputs.size() <= models::kMaxEmbedTexts) return {};
  return fail(Errc::resource_exhausted, "{} texts are more than {} in one call.",
              request.inputs.size(), models::kMaxEmbedTexts);
}

Result<inference::LlamaEmbedderOptions> options_of(Services& services, int threads) {
  const Config& config = services.config();
  const auto size = [&](const char* key) {
    return static_cast<std::size_t>(config.get<std::int64_t>(key));
  };
  inference::LlamaEmbedderOptions options;
  options.max_tokens = std::min(size("text.context"), kMostTokens);
  options.max_waiting = services.is_daemon() ? size("text.queue") : 0;
  options.spinning = config.get<bool>("text.spinning");
  ACCEL_TRY(options.threads, text_threads(config, threads));
  return options;
}

// A model's file and what is known of it before it is opened.
struct EmbedderFile {
  const models::Variant* variant = nullptr;
  std::string weights_sha256;
  std::filesystem::path path;
  inference::LlamaEmbedderOptions options;
  std::uint64_t bytes = 0;  // Of the weights and the context.
};

Result<EmbedderFile> fetch_file(Context& context, const RunRequest& request,
                                const StoredModel& model) {
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  EmbedderFile file;
  ACCEL_TRY(file.variant, models::generation_variant(model.manifest));
  ACCEL_CHECK(check_request(request, file.variant->precision));
  ACCEL_TRY(file.weights_sha256, weights_hash(*store, *file.variant, model.fetcher, context.stop));
  ACCEL_TRY(file.path, models::fetch_variant(*file.variant, model.fetcher));
  ACCEL_TRY(file.options, options_of(context.services, request.policy.threads));
  ACCEL_TRY(const inference::GgufHeader header, inference::read_gguf_file(file.path));
  file.bytes = file.variant->bytes() + inference::embedder_bytes(header, file.options);
  return file;
}

Result<std::shared_ptr<inference::PooledModel>> load(ServingContext& call, StoredModel& model,
                                                     const EmbedderFile& file) {
  auto loaded = std::make_shared<LoadedGgufEmbedder>();
  trace::Span span = load_span(model.name, model.root);
  auto opened = inference::LlamaEmbedder::open(call.serving.llama, file.path, file.options);
  if (!opened) span.fail(opened.error());
  ACCEL_TRY(loaded->embedder, std::move(opened));
  tell_embedder(span, loaded->embedder->info());
  loaded->lease = std::move(model.lease);
  loaded->name = model.name;
  loaded->root = model.root;
  loaded->bytes = file.variant->bytes();
  loaded->weights_sha256 = file.weights_sha256;
  loaded->precision = file.variant->precision;
  return loaded;
}

json result_of(const Ready& ready, const inference::TextVectors& made) {
  const LoadedGgufEmbedder& loaded = *ready.model;
  const inference::LlamaEmbedderInfo& info = loaded.embedder->info();
  std::size_t tokens = 0;
  for (const std::size_t count : made.tokens) tokens += count;
  return {{"embeddings", made.vectors},
          {"dimension", info.dimension},
          {"pooling", inference::llama_pooling_name(info.pooling)},
          {"model",
           {{"name", loaded.name},
            {"cid", loaded.root.to_string()},
            {"weights_sha256", loaded.weights_sha256}}},
          {"task", kTask},
          {"engine", info.engine},
          {"engine_version", info.version},
          {"device", info.device},
          {"precision", loaded.precision},
          {"threads", info.threads},
          {"emulated", false},
          {"provenance", "measured"},
          {"why", kWhy},
          {"choice", "the only engine"},
          {"tokens", tokens},
          {"truncated", made.cut.size()},
          {"load_ms", ready.load_ms}};
}

void tell_cuts(const inference::TextVectors& made, json& result) {
  for (const inference::CutText& text : made.cut) {
    result["cut"].push_back(
        {{"input", text.index}, {"tokens", text.tokens}, {"limit", made.tokens[text.index]}});
  }
}

Result<json> embed(ServingContext& call, const RunRequest& request, const Ready& ready) {
  Context& context = call.context;
  const Clock& clock = context.services.clock();
  const LoadedGgufEmbedder& loaded = *ready.model;
  if (request.keep_alive) ready.model.loan().keep_for(*request.keep_alive);
  trace::Span span = run_span(loaded.name, loaded.root);
  tell_embedder(span, loaded.embedder->info());
  span.set("gen_ai.operation.name", "embeddings").set("accel.texts", request.inputs.size());
  const trace::Scope in(span.link());
  const SteadyTime before = clock.now();
  auto made = loaded.embedder->embed(request.inputs, context.stop);
  if (!made) span.fail(made.error());
  ACCEL_TRY(const inference::TextVectors vectors, std::move(made));
  span.end();
  json result = result_of(ready, vectors);
  tell_cuts(vectors, result);
  result["latency_ms"] = to_ms(clock.now() - before);
  if (request.explain) result["selection"] = {{"reason", kWhy}};
  if (request.explain) result["batches"] = json::array();  // With those of other calls: none.
  return result;
}

}  // namespace

json LoadedGgufEmbedder::row() const {
  const inference::LlamaEmbedderInfo& info = embedder->info();
  return {{"name", name},
          {"cid", root.to_string()},
          {"task", kTask},
          {"engine", info.engine},
          {"device", info.device},
          {"precision", precision},
          {"threads", info.threads},
          {"bytes", bytes},
          {"format", "gguf"},
          {"family", info.architecture},
          {"parameters", info.parameters},
          {"context", info.max_tokens},
          {"pooling", inference::llama_pooling_name(info.pooling)}};
}

bool embeds_by_llama(const models::ModelManifest& manifest) {
  return !manifest.variants.empty() &&
         std::ranges::all_of(manifest.variants, [](const models::Variant& variant) {
           return variant.format == "gguf";
         });
}

Result<json> embed_by_llama(ServingContext& call, const RunRequest& request, StoredModel& model) {
  ACCEL_TRY(const EmbedderFile file, fetch_file(call.context, request, model));
  const auto demand = call.serving.demand(model, key_of(model.root, request), file.bytes);
  const auto open = [&] { return load(call, model, file); };
  ACCEL_TRY(inference::Loan loan, call.serving.models.get(demand, open, call.context.stop));
  const double load_ms = loan.load_ms();
  return embed(call, request, {inference::Lent<LoadedGgufEmbedder>(std::move(loan)), load_ms});
}

std::optional<Result<json>> embed_by_loaded_llama(ServingContext& call, const RunRequest& request) {
  if (request.inputs.empty() || !call.serving.models.keeps()) return std::nullopt;
  const auto store = call.context.services.store();
  if (!store) return std::nullopt;
  const auto target = resolve_target(**store, request.model);
  if (!target) return std::nullopt;
  Ready ready;
  ready.model =
      inference::Lent<LoadedGgufEmbedder>(call.serving.find(key_of(target->cid, request)));
  if (!ready.model) return std::nullopt;
  if (const Status status = check_request(request, ready.model->precision); !status)
    return fail(Error(status.error()));
  return embed(call, request, ready);
}

}  // namespace accel::node
