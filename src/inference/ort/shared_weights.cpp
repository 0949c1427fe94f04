// SPDX-License-Identifier: Apache-2.0
#include "ort/shared_weights.hpp"

#include <map>

#include "ort/shareable.hpp"

namespace accel::inference::ort {
namespace {

// The files of a model, mapped as they are needed, and which they were.
class Files {
 public:
  Files(const detail::ModelFile& model, const std::optional<FileKey>& key)
      : model_(model), keys_{}, known_(key.has_value() && file_key(model.path) == key) {
    if (known_) keys_.push_back(*key);
  }

  // Where the bytes of a tensor lie.
  Result<std::shared_ptr<Weight>> find(const OnnxInitializer& tensor) {
    auto weight = std::make_shared<Weight>();
    weight->file = model_.map;
    weight->onnx_type = tensor.onnx_type;
    weight->dims = tensor.dims;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    if (tensor.raw) {
      offset = tensor.raw->offset;
      length = tensor.raw->length;
    } else {
      offset = tensor.external->offset;
      length = tensor.external->length.value_or(0);
      ACCEL_TRY(weight->file, map(tensor.external->location));
    }
    const std::uint64_t size = weight->file->data().size();
    if (offset > size || length > size - offset) {
      return fail(Errc::corrupt, "The data of \"{}\" ends beyond its file.", tensor.name);
    }
    weight->bytes = weight->file->data().subspan(offset, length);
    return weight;
  }

  // Empty when one of them is not known.
  std::vector<FileKey> keys() const { return known_ ? keys_ : std::vector<FileKey>{}; }

 private:
  Result<std::shared_ptr<const MappedFile>> map(const std::string& location) {
    auto& mapped = external_[location];
    if (mapped != nullptr) return mapped;
    const auto path = model_.path.parent_path() / location;
    const auto key = file_key(path);
    ACCEL_TRY(MappedFile file, MappedFile::open(path));
    known_ = known_ && key && file_key(path) == key;
    if (known_) keys_.push_back(*key);
    mapped = std::make_shared<const MappedFile>(std::move(file));
    return mapped;
  }

  const detail::ModelFile& model_;
  std::vector<FileKey> keys_;
  bool known_;
  std::map<std::string, std::shared_ptr<const MappedFile>> external_;  // By location.
};

Result<PackedWeights> make_packed(const std::shared_ptr<const Runtime>& runtime) {
  OrtPrepackedWeightsContainer* raw = nullptr;
  ACCEL_CHECK(runtime->check(runtime->api().CreatePrepackedWeightsContainer(&raw),
                             "make room for packed weights"));
  return PackedWeights(raw, [runtime](OrtPrepackedWeightsContainer* held) {
    runtime->api().ReleasePrepackedWeightsContainer(held);
  });
}

}  // namespace

Result<SharedWeights> share_weights(WeightStore& store,
                                    const std::shared_ptr<const Runtime>& runtime,
                                    const detail::ModelFile& file,
                                    const std::optional<FileKey>& key) {
  ACCEL_TRY(const std::vector<std::size_t> places, find_shareable(file.map->data(), file.summary));
  if (places.empty()) return fail(Errc::unsupported, "No weight of the model can be shared.");
  Files files(file, key);
  std::vector<NamedWeight> offered;
  for (const std::size_t place : places) {
    const OnnxInitializer& tensor = file.summary.initializers[place];
    ACCEL_TRY(std::shared_ptr<const Weight> weight, files.find(tensor));
    offered.push_back({tensor.name, std::move(weight)});
  }
  SharedWeights shared;
  const auto make = [&runtime] { return make_packed(runtime); };
  ACCEL_TRY(shared.set, store.share(files.keys(), std::move(offered), make));
  return shared;
}

Status add_weights(const Runtime& runtime, OrtSessionOptions* options, SharedWeights& weights) {
  const OrtApi& api = runtime.api();
  OrtMemoryInfo* raw = nullptr;
  ACCEL_CHECK(runtime.check(api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &raw),
                            "describe memory"));
  const Handle<OrtMemoryInfo> memory(raw, api.ReleaseMemoryInfo);
  for (const NamedWeight& named : weights.set->weights) {
    const Weight& weight = *named.weight;
    OrtValue* value = nullptr;
    // The C API has no const here, but weights are only read, and the map refuses writes.
    void* const data = const_cast<std::uint8_t*>(weight.bytes.data());
    ACCEL_CHECK(runtime.check(
        api.CreateTensorWithDataAsOrtValue(
            memory.get(), data, weight.bytes.size(), weight.dims.data(), weight.dims.size(),
            static_cast<ONNXTensorElementDataType>(weight.onnx_type), &value),
        "take a weight"));
    weights.values.emplace_back(value, api.ReleaseValue);
    ACCEL_CHECK(
        runtime.check(api.AddInitializer(options, named.name.c_str(), value), "take a weight"));
  }
  return {};
}

}  // namespace accel::inference::ort
