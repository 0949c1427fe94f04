// SPDX-License-Identifier: Apache-2.0
// The ONNX Runtime engine: finds the device, chooses how the weights come in, opens the session.
#include <algorithm>
#include <mutex>

#include "accel/core/log.hpp"
#include "accel/inference/backend.hpp"
#include "accel/inference/canary.hpp"
#include "model_file.hpp"
#include "ort/providers.hpp"
#include "ort/session.hpp"
#include "ort/shared_weights.hpp"
#include "ort/skeleton.hpp"
#include "ort/weight_store.hpp"

namespace accel::inference {
namespace {

using ort::Handle;
using ort::Provider;
using ort::Runtime;

constexpr std::string_view kEngine = "onnxruntime";
constexpr const char* kConfigSpinning = "session.intra_op.allow_spinning";
constexpr const char* kConfigNoFallback = "session.disable_cpu_ep_fallback";
constexpr const char* kConfigExternalFolder =
    "session.model_external_initializers_file_folder_path";

class OnnxRuntimeBackend final : public Backend {
 public:
  explicit OnnxRuntimeBackend(OnnxRuntimeOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return kEngine; }
  std::string stamp() const override {
    return detail::library_stamp(library_search_path(ort::library_query(options_)));
  }
  Status load() override {
    if (auto loaded = runtime(); !loaded) return fail(std::move(loaded).error());
    return {};
  }
  Result<BackendInfo> probe() override;
  Result<std::unique_ptr<Session>> open(const std::filesystem::path& model_file,
                                        const SessionOptions& options) override;
  Result<std::unique_ptr<Session>> open_bytes(ByteView model,
                                              const SessionOptions& options) override;

 private:
  struct Opening {
    std::shared_ptr<const Runtime> runtime;
    Provider provider;
    Handle<OrtSessionOptions> session_options{nullptr, nullptr};
    bool repeatable = false;
  };

  Result<std::shared_ptr<const Runtime>> runtime();
  Result<Provider> provider(const std::string& id);
  const ort::ProviderList& providers(const Runtime& runtime);
  Result<Opening> prepare(const OnnxSummary& model, const SessionOptions& options);
  Result<std::unique_ptr<Session>> open_skeleton(const detail::ModelFile& file,
                                                 const SessionOptions& options);
  Result<std::unique_ptr<Session>> open_shared(const detail::ModelFile& file,
                                               const std::optional<ort::FileKey>& key,
                                               const SessionOptions& options);
  Result<std::unique_ptr<Session>> open_path(const detail::ModelFile& file,
                                             const SessionOptions& options);
  Result<std::unique_ptr<Session>> create(Opening opening, OrtSession* session,
                                          const SessionOptions& options, std::string load,
                                          ort::SharedWeights weights = {});

  const OnnxRuntimeOptions options_;
  ort::WeightStore weights_;
  std::mutex mutex_;                            // Guards what follows.
  std::shared_ptr<const Runtime> runtime_;      // Owners: this, its sessions and their results.
  std::optional<ort::ProviderList> providers_;  // Set once, never changed.
  std::optional<BackendInfo> info_;
};

Result<std::shared_ptr<const Runtime>> OnnxRuntimeBackend::runtime() {
  const std::scoped_lock lock(mutex_);
  if (runtime_ == nullptr) {
    ACCEL_TRY(runtime_, Runtime::load(ort::library_query(options_)));
  }
  return runtime_;
}

const ort::ProviderList& OnnxRuntimeBackend::providers(const Runtime& runtime) {
  const std::scoped_lock lock(mutex_);
  if (!providers_) providers_ = ort::list_providers(runtime, options_);
  return *providers_;
}

Result<Provider> OnnxRuntimeBackend::provider(const std::string& id) {
  if (id == "cpu") return Provider{};
  ACCEL_TRY(const auto runtime, this->runtime());
  std::string known;
  for (const Provider& candidate : providers(*runtime).candidates) {
    if (candidate.device.id == id) return candidate;
    known += (known.empty() ? "" : ", ") + candidate.device.id;
  }
  return fail(Errc::unsupported, "ONNX Runtime {} in {} has no device \"{}\"; it has {}.",
              runtime->version(), runtime->path().string(), id, known);
}

Result<OnnxRuntimeBackend::Opening> OnnxRuntimeBackend::prepare(const OnnxSummary& model,
                                                                const SessionOptions& options) {
  ACCEL_CHECK(detail::check_options(options));
  if (options.precision != "f32") {
    return fail(Errc::unsupported,
                "ONNX Runtime runs a model in the precision that it is stored in; \"{}\" is not "
                "offered. Open a variant of the "
                "model in that precision, or choose OpenVINO.",
                options.precision);
  }
  Opening opening;
  opening.repeatable = !model.draws;
  ACCEL_TRY(opening.runtime, runtime());
  ACCEL_TRY(opening.provider, provider(options.device));
  const Runtime& runtime = *opening.runtime;
  const OrtApi& api = runtime.api();
  OrtSessionOptions* raw = nullptr;
  ACCEL_CHECK(runtime.check(api.CreateSessionOptions(&raw), "make session options"));
  opening.session_options = {raw, api.ReleaseSessionOptions};
  constexpr GraphOptimizationLevel kLevels[] = {ORT_DISABLE_ALL, ORT_ENABLE_BASIC,
                                                ORT_ENABLE_EXTENDED, ORT_ENABLE_ALL};
  ACCEL_CHECK(runtime.check(api.SetIntraOpNumThreads(raw, options.threads), "set threads"));
  ACCEL_CHECK(runtime.check(
      api.SetSessionGraphOptimizationLevel(raw, kLevels[options.optimization]), "set a level"));
  ACCEL_CHECK(
      runtime.check(api.AddSessionConfigEntry(raw, kConfigSpinning, options.spinning ? "1" : "0"),
                    "set spinning"));
  if (!options.cpu_fallback && opening.provider.how != Provider::How::cpu) {
    ACCEL_CHECK(
        runtime.check(api.AddSessionConfigEntry(raw, kConfigNoFallback, "1"), "forbid the CPU"));
  }
  ACCEL_CHECK(ort::append_provider(runtime, raw, opening.provider, options));
  return opening;
}

Result<std::unique_ptr<Session>> OnnxRuntimeBackend::create(Opening opening, OrtSession* session,
                                                            const SessionOptions& options,
                                                            std::string load,
                                                            ort::SharedWeights weights) {
  SessionInfo info;
  info.engine = kEngine;
  info.version = opening.runtime->version();
  info.device = options.device;
  info.precision = options.precision;
  info.threads = options.threads;
  info.load = std::move(load);
  info.emulated = opening.provider.device.emulated;
  info.repeatable = opening.repeatable;
  info.untested = opening.provider.device.untested;
  Handle<OrtSession> owned(session, opening.runtime->api().ReleaseSession);
  return ort::OrtModelSession::wrap(std::move(opening.runtime), std::move(owned), std::move(info),
                                    std::move(weights));
}

Result<std::unique_ptr<Session>> OnnxRuntimeBackend::open_skeleton(const detail::ModelFile& file,
                                                                   const SessionOptions& options) {
  ACCEL_TRY(Opening opening, prepare(file.summary, options));
  const OrtApi& api = opening.runtime->api();
  const ort::Skeleton skeleton =
      ort::make_skeleton(file.map->data(), file.summary, file.path.filename().string());
  ACCEL_CHECK(opening.runtime->check(
      api.AddSessionConfigEntry(opening.session_options.get(), kConfigExternalFolder,
                                file.path.parent_path().c_str()),
      "set the folder of the weights"));
  OrtSession* session = nullptr;
  ACCEL_CHECK(opening.runtime->check(
      api.CreateSessionFromArray(opening.runtime->env(), skeleton.model.data(),
                                 skeleton.model.size(), opening.session_options.get(), &session),
      fmt::format("open {}", file.path.string()), Errc::corrupt));
  return create(std::move(opening), session, options, "skeleton");
}

Result<std::unique_ptr<Session>> OnnxRuntimeBackend::open_shared(
    const detail::ModelFile& file, const std::optional<ort::FileKey>& key,
    const SessionOptions& options) {
  ACCEL_TRY(Opening opening, prepare(file.summary, options));
  const OrtApi& api = opening.runtime->api();
  ACCEL_TRY(ort::SharedWeights weights, ort::share_weights(weights_, opening.runtime, file, key));
  OrtSessionOptions* const session_options = opening.session_options.get();
  ACCEL_CHECK(ort::add_weights(*opening.runtime, session_options, weights));
  // What is not shared is mapped from the file, as in a skeleton.
  const ort::Skeleton skeleton =
      ort::make_skeleton(file.map->data(), file.summary, file.path.filename().string());
  ACCEL_CHECK(
      opening.runtime->check(api.AddSessionConfigEntry(session_options, kConfigExternalFolder,
                                                       file.path.parent_path().c_str()),
                             "set the folder of the weights"));
  OrtSession* session = nullptr;
  ACCEL_CHECK(opening.runtime->check(
      api.CreateSessionFromArrayWithPrepackedWeightsContainer(
          opening.runtime->env(), skeleton.model.data(), skeleton.model.size(), session_options,
          weights.set->packed.get(), &session),
      fmt::format("open {}", file.path.string()), Errc::corrupt));
  weights.set->release_pages();
  return create(std::move(opening), session, options, "shared", std::move(weights));
}

Result<std::unique_ptr<Session>> OnnxRuntimeBackend::open_path(const detail::ModelFile& file,
                                                               const SessionOptions& options) {
  ACCEL_TRY(Opening opening, prepare(file.summary, options));
  OrtSession* session = nullptr;
  ACCEL_CHECK(opening.runtime->check(
      opening.runtime->api().CreateSession(opening.runtime->env(), file.path.c_str(),
                                           opening.session_options.get(), &session),
      fmt::format("open {}", file.path.string()), Errc::corrupt));
  return create(std::move(opening), session, options, "path");
}

Result<std::unique_ptr<Session>> OnnxRuntimeBackend::open(const std::filesystem::path& model_file,
                                                          const SessionOptions& options) {
  const auto key = ort::file_key(model_file);
  ACCEL_TRY(const detail::ModelFile file, detail::open_model_file(model_file));
  if (options.load == LoadMode::shared && options.device == "cpu") {
    Result<std::unique_ptr<Session>> shared = open_shared(file, key, options);
    if (shared) return shared;
    log::debug(
        "inference", "A model does not share its weights; it is opened by itself.",
        {log::field("model", file.path.string()), log::field("why", shared.error().to_string())});
  }
  const bool is_worth = ort::is_worth_a_skeleton(file.summary);
  if (options.load == LoadMode::skeleton && !is_worth) {
    return fail(Errc::unsupported,
                "{} has no large weights inside; a skeleton gains nothing. Open it by path.",
                file.path.string());
  }
  // Other providers compile the graph themselves and have not been measured with a skeleton.
  if (options.load == LoadMode::by_path || !is_worth ||
      (options.load != LoadMode::skeleton && options.device != "cpu")) {
    return open_path(file, options);
  }
  Result<std::unique_ptr<Session>> session = open_skeleton(file, options);
  if (session || options.load == LoadMode::skeleton) return session;
  log::debug(
      "inference", "A model did not open as a skeleton; it is opened by path.",
      {log::field("model", file.path.string()), log::field("why", session.error().to_string())});
  return open_path(file, options);
}

Result<std::unique_ptr<Session>> OnnxRuntimeBackend::open_bytes(ByteView model,
                                                                const SessionOptions& options) {
  ACCEL_TRY(const OnnxSummary summary, detail::read_model_bytes(model));
  ACCEL_TRY(Opening opening, prepare(summary, options));
  OrtSession* session = nullptr;
  ACCEL_CHECK(opening.runtime->check(opening.runtime->api().CreateSessionFromArray(
                                         opening.runtime->env(), model.data(), model.size(),
                                         opening.session_options.get(), &session),
                                     fmt::format("open a model of {} nodes", summary.node_count),
                                     Errc::corrupt));
  return create(std::move(opening), session, options, "memory");
}

Result<BackendInfo> OnnxRuntimeBackend::probe() {
  ACCEL_TRY(const auto runtime, this->runtime());
  const ort::ProviderList& list = providers(*runtime);
  {
    const std::scoped_lock lock(mutex_);
    if (info_) return *info_;
  }
  BackendInfo info;
  info.engine = kEngine;
  info.version = runtime->version();
  info.library_path = runtime->path();
  info.precisions = {"f32"};
  info.providers = list.compiled;
  info.notes = list.notes;
  const Bytes canary = canary_model();
  for (const Provider& candidate : list.candidates) {
    SessionOptions options;
    options.device = candidate.device.id;
    options.cpu_fallback = false;
    Result<std::unique_ptr<Session>> session = open_bytes(canary, options);
    if (session)
      info.devices.push_back(candidate.device);
    else
      info.notes.push_back(fmt::format("{}: {}", candidate.device.id, session.error().to_string()));
  }
  const std::scoped_lock lock(mutex_);
  info_ = info;
  return info;
}

}  // namespace

std::unique_ptr<Backend> make_onnxruntime_backend(OnnxRuntimeOptions options) {
  return std::make_unique<OnnxRuntimeBackend>(std::move(options));
}

}  // namespace accel::inference
