// SPDX-License-Identifier: Apache-2.0
// A plug-in execution provider for tests: ONNX Runtime's own entry points over a device that is not
// there. FAKE_PROVIDER is the name that it goes by; FAKE_BEHAVIOUR what it does:
//   computes        claims the canary's operators and computes them, in plain C++
//   is_wrong        the same, and adds 1 to what it computed
//   claims_nothing  leaves all to the CPU
//   breaks          computes besides pictures (Flatten) and words (Gather), and fails in a run
//   whose
//                   first input has the value 77, as a device does that is lost in mid-batch; what
//                   has the value 88 it refuses as bad input, for 66 it takes half a second
//   has_no_device   its factory finds none
//   has_no_factory  its library loads and its factory cannot be made
// The option "refuse" of a session makes any of them refuse to start, with the option's words.
#include <onnxruntime_c_api.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

enum class Behaviour { computes, is_wrong, claims_nothing, breaks, has_no_device, has_no_factory };
constexpr Behaviour kBehaviour = Behaviour::FAKE_BEHAVIOUR;
constexpr std::uint32_t kVendorId = 0xFACE;
constexpr std::int64_t kBreaks = 77;
constexpr std::int64_t kIsRefused = 88;
constexpr std::int64_t kIsSlow = 66;
constexpr std::chrono::milliseconds kHalfASecond{500};

const OrtApi* api = nullptr;  // Set by CreateEpFactories, before anything else is called.

OrtStatus* failure(OrtErrorCode code, const std::string& words) {
  return api->CreateStatus(code, words.c_str());
}

template <class T>
OrtStatus* none(T*& out) {
  out = nullptr;
  return nullptr;
}

#define RETURN_IF_BAD(expression)                            \
  if (OrtStatus* const bad = (expression); bad != nullptr) { \
    return bad;                                              \
  }

struct Matrix {
  std::vector<std::int64_t> dims;
  const float* data = nullptr;
  const std::int64_t* ids = nullptr;  // Instead of data.

  std::int64_t rows() const { return dims[0]; }
  std::int64_t columns() const {
    std::int64_t count = 1;
    for (std::size_t axis = 1; axis < dims.size(); ++axis) count *= dims[axis];
    return count;
  }
  bool has(std::int64_t value) const {
    const auto count = static_cast<std::size_t>(rows() * columns());
    if (ids != nullptr) return std::find(ids, ids + count, value) != ids + count;
    return std::find(data, data + count, static_cast<float>(value)) != data + count;
  }
};

OrtStatus* read_matrix(OrtKernelContext* context, std::size_t index, Matrix& out) {
  const OrtValue* value = nullptr;
  RETURN_IF_BAD(api->KernelContext_GetInput(context, index, &value));
  OrtTensorTypeAndShapeInfo* info = nullptr;
  RETURN_IF_BAD(api->GetTensorTypeAndShape(value, &info));
  std::size_t rank = 0;
  OrtStatus* status = api->GetDimensionsCount(info, &rank);
  out.dims.resize(rank);
  if (status == nullptr) status = api->GetDimensions(info, out.dims.data(), rank);
  ONNXTensorElementDataType type = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (status == nullptr) status = api->GetTensorElementType(info, &type);
  api->ReleaseTensorTypeAndShapeInfo(info);
  RETURN_IF_BAD(status);
  const void* data = nullptr;
  RETURN_IF_BAD(api->GetTensorData(value, &data));
  if (type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64) {
    out.ids = static_cast<const std::int64_t*>(data);
  } else {
    out.data = static_cast<const float*>(data);
  }
  return nullptr;
}

OrtStatus* look_at_input(const Matrix& x) {
  if (kBehaviour != Behaviour::breaks) return nullptr;
  if (x.has(kIsSlow)) std::this_thread::sleep_for(kHalfASecond);  // tidy: sleep: a slow device
  if (x.has(kIsRefused)) return failure(ORT_INVALID_ARGUMENT, "The fake device takes no 88.");
  if (x.has(kBreaks)) return failure(ORT_FAIL, "The fake device was lost.");
  return nullptr;
}

OrtStatus* make_output(OrtKernelContext* context, std::span<const std::int64_t> shape,
                       float*& out) {
  OrtValue* output = nullptr;
  RETURN_IF_BAD(api->KernelContext_GetOutput(context, 0, shape.data(), shape.size(), &output));
  void* raw = nullptr;
  RETURN_IF_BAD(api->GetTensorMutableData(output, &raw));
  out = static_cast<float*>(raw);
  return nullptr;
}

// relu(table[ids])
OrtStatus* look_up(OrtKernelContext* context, std::array<Matrix, 2> inputs) {
  const bool ids_first = inputs[0].ids != nullptr;
  const Matrix& ids = inputs[ids_first ? 0 : 1];
  const Matrix& table = inputs[ids_first ? 1 : 0];
  RETURN_IF_BAD(look_at_input(ids));
  const std::array<std::int64_t, 3> shape{ids.dims[0], ids.dims[1], table.dims[1]};
  float* out = nullptr;
  RETURN_IF_BAD(make_output(context, shape, out));
  for (std::int64_t at = 0; at < ids.rows() * ids.columns(); ++at) {
    const float* const row = table.data + ids.ids[at] * table.columns();
    for (std::int64_t column = 0; column < table.columns(); ++column) {
      *out++ = std::max(row[column], 0.0F);
    }
  }
  return nullptr;
}

// relu(x · weights + bias). Constants come as inputs of the fused node, in an order of the
// runtime's: the bias is the one of rank 1, and the weights have a column for each of its values.
OrtStatus* multiply(OrtKernelContext* context, std::array<Matrix, 3> inputs) {
  std::ranges::sort(inputs, {}, [](const Matrix& one) { return one.dims.size(); });
  const Matrix& bias = inputs[0];
  const bool is_first = inputs[1].dims[1] == bias.dims[0];
  const Matrix& weights = inputs[is_first ? 1 : 2];
  const Matrix& x = inputs[is_first ? 2 : 1];
  RETURN_IF_BAD(look_at_input(x));
  const std::array<std::int64_t, 2> shape{x.rows(), bias.dims[0]};
  float* out = nullptr;
  RETURN_IF_BAD(make_output(context, shape, out));
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    for (std::int64_t column = 0; column < shape[1]; ++column) {
      float sum = bias.data[column];
      for (std::int64_t k = 0; k < x.columns(); ++k) {
        sum += x.data[row * x.columns() + k] * weights.data[k * shape[1] + column];
      }
      *out++ = std::max(sum, 0.0F) + (kBehaviour == Behaviour::is_wrong ? 1.0F : 0.0F);
    }
  }
  return nullptr;
}

OrtStatus* compute(OrtNodeComputeInfo*, void*, OrtKernelContext* context) {
  std::size_t count = 0;
  RETURN_IF_BAD(api->KernelContext_GetInputCount(context, &count));
  std::array<Matrix, 3> inputs;
  for (std::size_t index = 0; index < std::min(count, inputs.size()); ++index) {
    RETURN_IF_BAD(read_matrix(context, index, inputs[index]));
  }
  if (count == 2) return look_up(context, {inputs[0], inputs[1]});
  return multiply(context, inputs);
}

bool is_claimed(const OrtNode* node) {
  const char* type = nullptr;
  if (OrtStatus* const bad = api->Node_GetOperatorType(node, &type); bad != nullptr) {
    api->ReleaseStatus(bad);
    return false;
  }
  constexpr std::array<std::string_view, 6> kClaimed{"MatMul", "Gemm",    "Add",
                                                     "Relu",   "Flatten", "Gather"};
  const std::size_t count = kBehaviour == Behaviour::breaks ? kClaimed.size() : 4;
  const auto claimed = std::span(kClaimed).first(count);
  return std::ranges::find(claimed, std::string_view(type)) != claimed.end();
}

OrtStatus* get_capability(OrtEp*, const OrtGraph* graph, OrtEpGraphSupportInfo* info) noexcept {
  if (kBehaviour == Behaviour::claims_nothing) return nullptr;
  std::size_t count = 0;
  RETURN_IF_BAD(api->Graph_GetNumNodes(graph, &count));
  std::vector<const OrtNode*> nodes(count);
  RETURN_IF_BAD(api->Graph_GetNodes(graph, nodes.data(), count));
  if (count == 0 || !std::ranges::all_of(nodes, is_claimed)) return nullptr;
  return api->GetEpApi()->EpGraphSupportInfo_AddNodesToFuse(info, nodes.data(), count, nullptr);
}

OrtStatus* compile(OrtEp*, const OrtGraph**, const OrtNode**, std::size_t count,
                   OrtNodeComputeInfo** infos, OrtNode**) noexcept {
  for (std::size_t index = 0; index < count; ++index) {
    auto info = std::make_unique<OrtNodeComputeInfo>();
    info->ort_version_supported = ORT_API_VERSION;
    info->CreateState = [](OrtNodeComputeInfo*, OrtNodeComputeContext*, void** state) {
      *state = nullptr;
      return static_cast<OrtStatus*>(nullptr);
    };
    info->Compute = compute;
    info->ReleaseState = [](OrtNodeComputeInfo*, void*) {};
    infos[index] = info.release();
  }
  return nullptr;
}

void release_compute_infos(OrtEp*, OrtNodeComputeInfo** infos, std::size_t count) noexcept {
  for (OrtNodeComputeInfo* info : std::span(infos, count)) delete info;
}

// The session's option "refuse" of this provider, which the runtime puts behind a prefix of the
// provider's name; empty when there is none.
OrtStatus* read_refusal(const OrtSessionOptions* options, std::string& words) {
  OrtKeyValuePairs* pairs = nullptr;
  RETURN_IF_BAD(api->GetSessionOptionsConfigEntries(options, &pairs));
  const char* const* keys = nullptr;
  const char* const* values = nullptr;
  std::size_t count = 0;
  api->GetKeyValuePairs(pairs, &keys, &values, &count);
  for (std::size_t index = 0; index < count; ++index) {
    if (std::string_view(keys[index]).ends_with(".refuse")) words = values[index];
  }
  api->ReleaseKeyValuePairs(pairs);
  return nullptr;
}

OrtStatus* create_ep(OrtEpFactory*, const OrtHardwareDevice* const*, const OrtKeyValuePairs* const*,
                     std::size_t, const OrtSessionOptions* options, const OrtLogger*,
                     OrtEp** out) noexcept {
  std::string refusal;
  RETURN_IF_BAD(read_refusal(options, refusal));
  if (!refusal.empty()) return failure(ORT_EP_FAIL, refusal);
  auto ep = std::make_unique<OrtEp>();
  ep->ort_version_supported = ORT_API_VERSION;
  ep->GetName = [](const OrtEp*) noexcept { return FAKE_PROVIDER; };
  ep->GetCapability = get_capability;
  ep->Compile = compile;
  ep->ReleaseNodeComputeInfos = release_compute_infos;
  *out = ep.release();
  return nullptr;
}

struct ReleaseDevice {
  void operator()(OrtHardwareDevice* device) const {
    api->GetEpApi()->ReleaseHardwareDevice(device);
  }
};

struct Factory : OrtEpFactory {
  std::unique_ptr<OrtHardwareDevice, ReleaseDevice>
      device;  // The runtime's EP device refers to it.
};

OrtStatus* get_supported_devices(OrtEpFactory* base, const OrtHardwareDevice* const*, std::size_t,
                                 OrtEpDevice** devices, std::size_t, std::size_t* count) noexcept {
  *count = 0;
  if (kBehaviour == Behaviour::has_no_device) return nullptr;
  auto* factory = static_cast<Factory*>(base);
  const OrtEpApi& ep_api = *api->GetEpApi();
  OrtHardwareDevice* hardware = nullptr;
  RETURN_IF_BAD(ep_api.CreateHardwareDevice(OrtHardwareDeviceType_NPU, kVendorId, 1, "Fake Devices",
                                            nullptr, &hardware));
  factory->device.reset(hardware);
  RETURN_IF_BAD(ep_api.CreateEpDevice(factory, hardware, nullptr, nullptr, &devices[0]));
  *count = 1;
  return nullptr;
}

OrtEpFactory* make_factory() {
  auto factory = std::make_unique<Factory>();
  factory->ort_version_supported = ORT_API_VERSION;
  factory->GetName = [](const OrtEpFactory*) noexcept { return FAKE_PROVIDER; };
  factory->GetVendor = [](const OrtEpFactory*) noexcept { return "Fake Devices"; };
  factory->GetVendorId = [](const OrtEpFactory*) noexcept { return kVendorId; };
  factory->GetVersion = [](const OrtEpFactory*) noexcept { return "0.1.0"; };
  factory->GetSupportedDevices = get_supported_devices;
  factory->CreateEp = create_ep;
  factory->ReleaseEp = [](OrtEpFactory*, OrtEp* ep) noexcept { delete ep; };
  // Its memory is the CPU's: nothing to allocate, copy or wait for.
  factory->CreateAllocator = [](OrtEpFactory*, const OrtMemoryInfo*, const OrtKeyValuePairs*,
                                OrtAllocator** out) noexcept { return none(*out); };
  factory->ReleaseAllocator = [](OrtEpFactory*, OrtAllocator*) noexcept {};
  factory->CreateDataTransfer = [](OrtEpFactory*, OrtDataTransferImpl** out) noexcept {
    return none(*out);
  };
  factory->IsStreamAware = [](const OrtEpFactory*) noexcept { return false; };
  return factory.release();
}

}  // namespace

extern "C" OrtStatus* CreateEpFactories(const char*, const OrtApiBase* base, const OrtLogger*,
                                        OrtEpFactory** factories, std::size_t, std::size_t* count) {
  api = base->GetApi(ORT_API_VERSION);
  *count = 0;
  if (kBehaviour == Behaviour::has_no_factory) {
    return failure(ORT_EP_FAIL, "The fake driver is too old.");
  }
  factories[0] = make_factory();
  *count = 1;
  return nullptr;
}

extern "C" OrtStatus* ReleaseEpFactory(OrtEpFactory* factory) {
  delete static_cast<Factory*>(factory);
  return nullptr;
}
