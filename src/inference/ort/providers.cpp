// SPDX-License-Identifier: Apache-2.0
#include "ort/providers.hpp"

#include <algorithm>
#include <array>

#include "accel/hardware/cpu_info.hpp"

namespace accel::inference::ort {
namespace {

using hardware::Platform;
using Options = std::map<std::string, std::string>;

struct Known {
  std::string_view provider;  // As the runtime lists it.
  std::string_view id;        // The device's id here.
  Platform platform;
  Provider::How how;
  std::string_view name;  // For How::named.
};

// Names: onnxruntime/core/graph/constants.h and the documentation of
// SessionOptionsAppendExecutionProvider.
constexpr std::array kKnown{
    Known{"CUDAExecutionProvider", "cuda:0", Platform::cuda, Provider::How::cuda, ""},
    Known{"MIGraphXExecutionProvider", "rocm:0", Platform::rocm, Provider::How::named, "MIGraphX"},
    Known{"CoreMLExecutionProvider", "mps", Platform::mps, Provider::How::named, "CoreML"},
    Known{"OpenVINOExecutionProvider", "openvino", Platform::openvino, Provider::How::named,
          "OpenVINO"},
    Known{"QNNExecutionProvider", "qualcomm", Platform::qualcomm, Provider::How::named, "QNN"},
    Known{"WebGpuExecutionProvider", "webgpu", Platform::webgpu, Provider::How::named, "WebGPU"},
    Known{"WebNNExecutionProvider", "webnn", Platform::webnn, Provider::How::named, "WebNN"},
};

// Packages of plug-in providers: PyPI onnxruntime-qnn, onnxruntime-ep-webgpu,
// onnxruntime-ep-openvino.
struct PluginPackage {
  std::string_view name;
  std::string_view file;
  std::string_view package;
};
constexpr std::array kPluginPackages{
    PluginPackage{"QNNExecutionProvider", "libonnxruntime_providers_qnn.so", "onnxruntime-qnn"},
    PluginPackage{"WebGpuExecutionProvider", "libonnxruntime_providers_webgpu.so",
                  "onnxruntime-ep-webgpu"},
    PluginPackage{"OpenVINOExecutionProvider", "libonnxruntime_providers_openvino_plugin.so",
                  "onnxruntime-ep-openvino"},
};

const Known* find_known(std::string_view provider) {
  const auto found = std::ranges::find(kKnown, provider, &Known::provider);
  return found == kKnown.end() ? nullptr : &*found;
}

bool has_gpu_node() {
  std::error_code error;
  if (std::filesystem::exists("/dev/nvidia0", error)) return true;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/dri", error)) {
    if (entry.path().filename().string().starts_with("renderD")) return true;
  }
  return false;
}

// Qualcomm's HTP library for x86-64 is a simulator; WebGPU without a GPU's device node can only be
// a software driver.
bool is_emulated(Platform platform) {
#if defined(__x86_64__)
  if (platform == Platform::qualcomm) return true;
#endif
  return platform == Platform::webgpu && !has_gpu_node();
}

// OpenVINO's own engine was tested, ONNX Runtime's provider of that name was not.
std::string_view why_untested(Platform platform) {
  if (platform == Platform::openvino) {
    return "This program's tests have not met OpenVINO as a provider of ONNX Runtime.";
  }
  return hardware::untested_reason(platform);
}

Options defaults_of(Platform platform) {
  if (platform == Platform::qualcomm) return {{"backend_type", "htp"}};
  if (platform == Platform::openvino) return {{"device_type", "CPU"}};
  if (platform == Platform::cuda) return {{"device_id", "0"}};
  return {};
}

Provider cpu_provider() {
  Provider provider;
  provider.device.id = "cpu";
  provider.device.name = hardware::cpu_info().model;
  provider.device.provider = "CPUExecutionProvider";
  return provider;
}

Provider provider_of(const Known& known) {
  Provider provider;
  provider.device.id = known.id;
  provider.device.name = std::string(known.provider);
  provider.device.provider = known.provider;
  provider.device.platform = known.platform;
  provider.device.emulated = is_emulated(known.platform);
  provider.device.untested = why_untested(known.platform);
  provider.how = known.how;
  provider.name = known.name;
  provider.defaults = defaults_of(known.platform);
  return provider;
}

void list_compiled(const Runtime& runtime, ProviderList& list) {
  char** names = nullptr;
  int count = 0;
  if (!runtime.check(runtime.api().GetAvailableProviders(&names, &count), "list its providers"))
    return;
  for (int index = 0; index < count; ++index) list.compiled.emplace_back(names[index]);
  static_cast<void>(
      runtime.check(runtime.api().ReleaseAvailableProviders(names, count), "free a list"));
  for (const std::string& name : list.compiled) {
    if (const Known* known = find_known(name)) list.candidates.push_back(provider_of(*known));
  }
}

void register_plugin(const Runtime& runtime, const std::string& name,
                     const std::filesystem::path& path, ProviderList& list) {
  const Status registered = runtime.check(
      runtime.api().RegisterExecutionProviderLibrary(runtime.env(), name.c_str(), path.c_str()),
      fmt::format("register the plug-in {}", path.string()));
  if (!registered) list.notes.push_back(registered.error().to_string());
}

std::filesystem::path installed_plugin(const Runtime& runtime, const PluginPackage& plugin) {
  auto places = library_search_path({std::string(plugin.file), std::string(plugin.package), {}});
  places.insert(places.begin(), runtime.path().parent_path() / plugin.file);
  std::error_code error;
  for (const auto& place : places) {
    if (place.is_absolute() && std::filesystem::exists(place, error)) return place;
  }
  return {};
}

void register_plugins(const Runtime& runtime, const OnnxRuntimeOptions& options,
                      ProviderList& list) {
  for (const auto& [name, path] : options.plugins) {
    std::error_code error;
    register_plugin(runtime, name, std::filesystem::absolute(path, error), list);
  }
  for (const PluginPackage& plugin : kPluginPackages) {
    const bool is_given = std::ranges::any_of(
        options.plugins, [&](const auto& given) { return given.first == plugin.name; });
    const auto path = installed_plugin(runtime, plugin);
    if (!is_given && !path.empty()) register_plugin(runtime, std::string(plugin.name), path, list);
  }
}

void list_plugin_devices(const Runtime& runtime, ProviderList& list) {
  const OrtEpDevice* const* devices = nullptr;
  std::size_t count = 0;
  if (!runtime.check(runtime.api().GetEpDevices(runtime.env(), &devices, &count),
                     "list its devices"))
    return;
  for (std::size_t index = 0; index < count; ++index) {
    const Known* known = find_known(runtime.api().EpDevice_EpName(devices[index]));
    if (known == nullptr) continue;
    Provider provider = provider_of(*known);
    const char* vendor = runtime.api().EpDevice_EpVendor(devices[index]);
    provider.device.name =
        fmt::format("{} ({})", known->provider, vendor == nullptr ? "?" : vendor);
    provider.how = Provider::How::plugin;
    provider.plugin = devices[index];
    const auto same = std::ranges::count(list.candidates, known->platform,
                                         [](const Provider& p) { return p.device.platform; });
    if (same > 0) provider.device.id = fmt::format("{}.{}", known->id, same);
    list.candidates.push_back(std::move(provider));
  }
}

// Keys and values as the C API takes them; borrows from `options`.
struct KeysAndValues {
  explicit KeysAndValues(const Options& options) {
    for (const auto& [key, value] : options) {
      keys.push_back(key.c_str());
      values.push_back(value.c_str());
    }
  }
  std::vector<const char*> keys;
  std::vector<const char*> values;
};

Status append_cuda(const Runtime& runtime, OrtSessionOptions* session, const KeysAndValues& pairs) {
  const OrtApi& api = runtime.api();
  OrtCUDAProviderOptionsV2* raw = nullptr;
  ACCEL_CHECK(
      runtime.check(api.CreateCUDAProviderOptions(&raw), "prepare CUDA", Errc::unavailable));
  const Handle<OrtCUDAProviderOptionsV2> cuda(raw, api.ReleaseCUDAProviderOptions);
  ACCEL_CHECK(runtime.check(
      api.UpdateCUDAProviderOptions(raw, pairs.keys.data(), pairs.values.data(), pairs.keys.size()),
      "set options of CUDA", Errc::invalid_argument));
  return runtime.check(api.SessionOptionsAppendExecutionProvider_CUDA_V2(session, raw), "load CUDA",
                       Errc::unavailable);
}

}  // namespace

ProviderList list_providers(const Runtime& runtime, const OnnxRuntimeOptions& options) {
  ProviderList list;
  list.candidates.push_back(cpu_provider());
  list_compiled(runtime, list);
  if (runtime.api_version() >= kPluginApi) {
    register_plugins(runtime, options, list);
    list_plugin_devices(runtime, list);
  } else if (!options.plugins.empty()) {
    list.notes.push_back(
        fmt::format("ONNX Runtime {} is too old for plug-in providers.", runtime.version()));
  }
  return list;
}

Status append_provider(const Runtime& runtime, OrtSessionOptions* session, const Provider& provider,
                       const SessionOptions& options) {
  Options merged = options.provider_options;
  merged.insert(provider.defaults.begin(), provider.defaults.end());
  const KeysAndValues pairs(merged);
  const OrtApi& api = runtime.api();
  const std::string doing = fmt::format("start {}", provider.device.provider);
  switch (provider.how) {
    case Provider::How::cpu:
      return {};
    case Provider::How::cuda:
      return append_cuda(runtime, session, pairs);
    case Provider::How::named:
      return runtime.check(api.SessionOptionsAppendExecutionProvider(
                               session, provider.name.c_str(), pairs.keys.data(),
                               pairs.values.data(), pairs.keys.size()),
                           doing, Errc::unavailable);
    case Provider::How::plugin:
      return runtime.check(api.SessionOptionsAppendExecutionProvider_V2(
                               session, runtime.env(), &provider.plugin, 1, pairs.keys.data(),
                               pairs.values.data(), pairs.keys.size()),
                           doing, Errc::unavailable);
  }
  return {};
}

}  // namespace accel::inference::ort
