// SPDX-License-Identifier: Apache-2.0
// The OpenVINO engine: reads ONNX files directly and runs them on the CPU, and on Intel's GPUs and
// NPUs.
#include <algorithm>
#include <array>
#include <cctype>
#include <mutex>

#include "accel/inference/backend.hpp"
#include "model_file.hpp"
#include "openvino/session.hpp"

namespace accel::inference {
namespace {

using openvino::Handle;
using openvino::Library;
using openvino::RequestPool;

constexpr std::string_view kEngine = "openvino";

struct Precision {
  std::string_view name;
  std::string_view hint;  // INFERENCE_PRECISION_HINT
  std::string_view
      group_size;  // DYNAMIC_QUANTIZATION_GROUP_SIZE: 0 is off, 32 the CPU plugin's default
  std::string_view capability;  // Of the device, as OPTIMIZATION_CAPABILITIES names it.
};
// int8dyn quantizes activations at run time where weights are stored as int8; it changes nothing
// for f32 weights.
constexpr std::array kPrecisions{
    Precision{"f32", "f32", "0", "FP32"},
    Precision{"bf16", "bf16", "0", "BF16"},
    Precision{"f16", "f16", "0", "FP16"},
    Precision{"int8dyn", "f32", "32", "INT8"},
};

const Precision* find_precision(std::string_view name) {
  const auto found = std::ranges::find(kPrecisions, name, &Precision::name);
  return found == kPrecisions.end() ? nullptr : &*found;
}

std::string changed_case(std::string text, int (*change)(int)) {
  std::ranges::transform(text, text.begin(),
                         [&](unsigned char c) { return static_cast<char>(change(c)); });
  return text;
}
std::string device_id(const std::string& openvino_name) {
  return changed_case(openvino_name, ::tolower);
}
std::string openvino_name(const std::string& id) { return changed_case(id, ::toupper); }

std::string_view why_untested(const std::string& id) {
  if (id == "cpu") return {};
  return "This program's tests have met OpenVINO on CPUs alone.";
}

// Words of "FP32 INT8 BF16 ..."; a device without the property is taken to compute in f32.
bool is_capable(const std::string& capabilities, std::string_view wanted) {
  return (" " + capabilities + " ").find(fmt::format(" {} ", wanted)) != std::string::npos;
}

using Properties = std::vector<std::pair<std::string, std::string>>;

std::vector<ov_property_t> borrowed(const Properties& properties) {
  std::vector<ov_property_t> out;
  for (const auto& [key, value] : properties) out.push_back({key.c_str(), value.c_str()});
  return out;
}

// Its C API has no strings.
Status refuse_strings(const OnnxSummary& model) {
  for (const auto* specs : {&model.inputs, &model.outputs}) {
    const auto found = std::ranges::find(*specs, tensor::DType::string, &TensorSpec::dtype);
    if (found == specs->end()) continue;
    return fail(Errc::unsupported,
                "\"{}\" of the model is a tensor of strings, which OpenVINO is not given here; "
                "ONNX Runtime takes them.",
                found->name);
  }
  return {};
}

struct Model {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
  bool draws = false;
};

class OpenVinoBackend final : public Backend {
 public:
  explicit OpenVinoBackend(OpenVinoOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return kEngine; }
  std::string stamp() const override {
    return detail::library_stamp(library_search_path(openvino::library_query(options_)));
  }
  Status load() override {
    if (auto loaded = library(); !loaded) return fail(std::move(loaded).error());
    return {};
  }
  Result<BackendInfo> probe() override;
  Result<std::unique_ptr<Session>> open(const std::filesystem::path& model_file,
                                        const SessionOptions& options) override;
  Result<std::unique_ptr<Session>> open_bytes(ByteView model,
                                              const SessionOptions& options) override;

 private:
  Result<std::shared_ptr<const Library>> library();
  Result<Properties> properties(const Library& library, const SessionOptions& options) const;
  std::vector<std::string> precisions(const Library& library, const std::string& device) const;
  Result<Handle<ov_compiled_model_t>> compile(const Library& library, Handle<ov_model_t> model,
                                              const SessionOptions& options) const;
  Result<Handle<ov_compiled_model_t>> compile_cached(const Library& library,
                                                     const detail::ModelFile& file,
                                                     const SessionOptions& options) const;
  Result<Handle<ov_model_t>> read_memory(const Library& library, ByteView model,
                                         const std::string& what) const;
  Result<Handle<ov_model_t>> read_file(const Library& library,
                                       const std::filesystem::path& path) const;
  Result<std::unique_ptr<Session>> wrap(std::shared_ptr<const Library> library,
                                        Handle<ov_compiled_model_t> compiled, Model model,
                                        const SessionOptions& options, std::string load) const;

  const OpenVinoOptions options_;
  std::mutex mutex_;                        // Guards what follows.
  std::shared_ptr<const Library> library_;  // Owners: this, its sessions and their results.
};

Result<std::shared_ptr<const Library>> OpenVinoBackend::library() {
  const std::scoped_lock lock(mutex_);
  if (library_ == nullptr) {
    ACCEL_TRY(library_, Library::load(openvino::library_query(options_)));
  }
  return library_;
}

std::vector<std::string> OpenVinoBackend::precisions(const Library& library,
                                                     const std::string& device) const {
  const std::string capabilities = library.property(device, "OPTIMIZATION_CAPABILITIES");
  std::vector<std::string> names;
  for (const Precision& precision : kPrecisions) {
    const bool is_plain = precision.name == "f32";
    if (is_plain || is_capable(capabilities, precision.capability))
      names.emplace_back(precision.name);
  }
  return names;
}

Result<Properties> OpenVinoBackend::properties(const Library& library,
                                               const SessionOptions& options) const {
  ACCEL_CHECK(detail::check_options(options));
  const std::string device = openvino_name(options.device);
  const Precision* precision = find_precision(options.precision);
  const auto offered = precisions(library, device);
  if (precision == nullptr || std::ranges::find(offered, options.precision) == offered.end()) {
    return fail(Errc::unsupported, "OpenVINO {} on {} does not compute in \"{}\"; it offers {}.",
                library.version(), options.device, options.precision, fmt::join(offered, ", "));
  }
  Properties properties{{"PERFORMANCE_HINT", "LATENCY"},
                        {"INFERENCE_PRECISION_HINT", std::string(precision->hint)}};
  if (device == "CPU") {
    properties.emplace_back("DYNAMIC_QUANTIZATION_GROUP_SIZE", precision->group_size);
    // A pinned thread cannot move away from a busy core; on a machine of one's own, pinning is
    // asked for with spinning.
    properties.emplace_back("ENABLE_CPU_PINNING", options.spinning ? "YES" : "NO");
    // A stream runs one call at a time; the threads are those of all streams.
    const int runs = std::max(options.runs, 1);
    if (options.threads > 0) {
      properties.emplace_back("NUM_STREAMS", std::to_string(runs));
      properties.emplace_back("INFERENCE_NUM_THREADS", std::to_string(options.threads * runs));
    }
  }
  properties.insert(properties.end(), options.provider_options.begin(),
                    options.provider_options.end());
  return properties;
}

Result<Handle<ov_compiled_model_t>> OpenVinoBackend::compile(const Library& library,
                                                             Handle<ov_model_t> model,
                                                             const SessionOptions& options) const {
  ACCEL_TRY(const Properties wanted, properties(library, options));
  const auto pairs = borrowed(wanted);
  ov_compiled_model_t* compiled = nullptr;
  ACCEL_CHECK(library.check(
      library.api().compile(library.core(), model.get(), openvino_name(options.device).c_str(),
                            pairs.size(), pairs.data(), &compiled),
      fmt::format("compile the model for {}", options.device), Errc::unsupported));
  return Handle<ov_compiled_model_t>(compiled, library.api().compiled_free);
}

// From the stored file, so that OpenVINO finds what it compiled last time by path and time of
// change, without reading the model.
Result<Handle<ov_compiled_model_t>> OpenVinoBackend::compile_cached(
    const Library& library, const detail::ModelFile& file, const SessionOptions& options) const {
  ACCEL_TRY(Properties wanted, properties(library, options));
  wanted.emplace_back("CACHE_DIR", options.cache_folder.string());
  const auto pairs = borrowed(wanted);
  ov_compiled_model_t* compiled = nullptr;
  ACCEL_CHECK(library.check(library.api().compile_file(library.core(), file.path.c_str(),
                                                       openvino_name(options.device).c_str(),
                                                       pairs.size(), pairs.data(), &compiled),
                            fmt::format("open {}", file.path.string()), Errc::corrupt));
  return Handle<ov_compiled_model_t>(compiled, library.api().compiled_free);
}

Result<Handle<ov_model_t>> OpenVinoBackend::read_memory(const Library& library, ByteView model,
                                                        const std::string& what) const {
  ov_model_t* read = nullptr;
  ACCEL_CHECK(library.check(
      library.api().read_memory(library.core(), reinterpret_cast<const char*>(model.data()),
                                model.size(), nullptr, &read),
      fmt::format("open {}", what), Errc::corrupt));
  return Handle<ov_model_t>(read, library.api().model_free);
}

Result<Handle<ov_model_t>> OpenVinoBackend::read_file(const Library& library,
                                                      const std::filesystem::path& path) const {
  ov_model_t* read = nullptr;
  ACCEL_CHECK(library.check(library.api().read_model(library.core(), path.c_str(), nullptr, &read),
                            fmt::format("open {}", path.string()), Errc::corrupt));
  return Handle<ov_model_t>(read, library.api().model_free);
}

Result<std::unique_ptr<Session>> OpenVinoBackend::wrap(std::shared_ptr<const Library> library,
                                                       Handle<ov_compiled_model_t> compiled,
                                                       Model model, const SessionOptions& options,
                                                       std::string load) const {
  SessionInfo info;
  info.engine = kEngine;
  info.version = library->version();
  info.device = options.device;
  info.precision = options.precision;
  info.threads = options.threads;
  info.load = std::move(load);
  info.repeatable = !model.draws;
  info.untested = why_untested(options.device);
  return openvino::OpenVinoSession::wrap(
      std::make_shared<RequestPool>(std::move(library), std::move(compiled)),
      std::move(model.inputs), std::move(model.outputs), std::move(info));
}

Result<std::unique_ptr<Session>> OpenVinoBackend::open(const std::filesystem::path& model_file,
                                                       const SessionOptions& options) {
  if (options.load == LoadMode::skeleton) {
    // OpenVINO confines external data of a model in memory to the working directory.
    return fail(Errc::unsupported, "OpenVINO opens a model by path; it cannot take a skeleton.");
  }
  ACCEL_TRY(detail::ModelFile file, detail::open_model_file(model_file));
  ACCEL_CHECK(refuse_strings(file.summary));
  ACCEL_TRY(auto library, this->library());
  Model model{std::move(file.summary.inputs), std::move(file.summary.outputs), file.summary.draws};
  if (!options.cache_folder.empty()) {
    ACCEL_TRY(auto compiled, compile_cached(*library, file, options));
    return wrap(std::move(library), std::move(compiled), std::move(model), options, "cache");
  }
  ACCEL_TRY(auto read, read_file(*library, file.path));
  ACCEL_TRY(auto compiled, compile(*library, std::move(read), options));
  return wrap(std::move(library), std::move(compiled), std::move(model), options, "path");
}

Result<std::unique_ptr<Session>> OpenVinoBackend::open_bytes(ByteView model,
                                                             const SessionOptions& options) {
  ACCEL_TRY(OnnxSummary summary, detail::read_model_bytes(model));
  ACCEL_CHECK(refuse_strings(summary));
  ACCEL_TRY(auto library, this->library());
  ACCEL_TRY(auto read,
            read_memory(*library, model, fmt::format("a model of {} nodes", summary.node_count)));
  ACCEL_TRY(auto compiled, compile(*library, std::move(read), options));
  return wrap(std::move(library), std::move(compiled),
              {std::move(summary.inputs), std::move(summary.outputs), summary.draws}, options,
              "memory");
}

Result<BackendInfo> OpenVinoBackend::probe() {
  ACCEL_TRY(const auto library, this->library());
  BackendInfo info;
  info.engine = kEngine;
  info.version = library->version();
  info.library_path = library->path();
  ACCEL_TRY(info.providers, library->devices());
  for (const std::string& name : info.providers) {
    EngineDevice device;
    device.id = device_id(name);
    device.name = library->property(name, "FULL_DEVICE_NAME");
    device.provider = name;
    device.platform = hardware::Platform::openvino;
    device.untested = why_untested(device.id);
    info.devices.push_back(std::move(device));
  }
  info.precisions = precisions(*library, "CPU");
  if (info.devices.empty())
    info.notes.emplace_back("openvino: no device plug-in loads; reinstall the package openvino.");
  return info;
}

}  // namespace

std::unique_ptr<Backend> make_openvino_backend(OpenVinoOptions options) {
  return std::make_unique<OpenVinoBackend>(std::move(options));
}

}  // namespace accel::inference
