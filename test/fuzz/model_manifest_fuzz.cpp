// SPDX-License-Identifier: Apache-2.0
// Any bytes as one of the JSON files that describe a model; the first byte picks which. The others
// are those of a sentence encoder, and of families that want more. A manifest that comes out names
// only files of its listing.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>

#include "accel/core/file.hpp"
#include "accel/inference/canary.hpp"
#include "accel/models/family.hpp"
#include "accel/models/text_embedder.hpp"

namespace {

using namespace accel;

std::map<std::string, Bytes, std::less<>> sentence_encoder() {
  return {{"config.json", to_bytes(R"({"model_type": "bert"})")},
          {"modules.json", to_bytes(R"([{"type": "x.Pooling", "path": "1_Pooling"}])")},
          {"1_Pooling/config.json", to_bytes(R"({"pooling_mode_mean_tokens": true})")},
          {"sentence_bert_config.json", to_bytes("{}")},
          {"tokenizer_config.json", to_bytes("{}")},
          {"tokenizer.json", to_bytes("{}")},
          {"preprocessor_config.json", to_bytes(R"({"size": 8})")},
          {"config.min.json", to_bytes("{}")},
          {"onnx/model.onnx", inference::canary_model()}};
}

constexpr std::array kTargets{"config.json",
                              "model.json",
                              "modules.json",
                              "1_Pooling/config.json",
                              "sentence_bert_config.json",
                              "tokenizer_config.json",
                              "preprocessor_config.json",
                              "config.min.json"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  auto files = sentence_encoder();
  files[kTargets[data[0] % kTargets.size()]] = Bytes(data + 1, data + size);
  std::vector<models::ModelFile> listing;
  for (const auto& [path, bytes] : files) listing.push_back({path, {}, bytes.size()});

  std::map<std::string, UniqueFd, std::less<>> open;  // Files without a disk.
  const models::Fetcher fetcher = [&](std::string_view path) -> Result<std::filesystem::path> {
    const auto found = files.find(path);
    if (found == files.end()) std::abort();  // Never asked for what the listing lacks.
    UniqueFd& fd = open[std::string(path)];
    if (!fd) {
      fd = UniqueFd(::memfd_create("model", MFD_CLOEXEC));
      ACCEL_CHECK(pwrite_all(fd.get(), found->second, 0));
    }
    return std::filesystem::path("/proc/self/fd") / std::to_string(fd.get());
  };
  const auto manifest = models::read_manifest(listing, fetcher);
  if (!manifest) return 0;
  for (const models::Variant& variant : manifest->variants) {
    if (variant.files.empty() || variant.files[0].path != variant.entry) std::abort();
    for (const models::ModelFile& file : variant.files) {
      if (files.find(file.path) == files.end()) std::abort();
    }
  }
  const auto config = models::read_text_embedding_config(*manifest, fetcher);
  if (config && config->max_length == 0) std::abort();
  for (const models::FamilyInfo& info : models::families()) {
    const auto family = info.open ? info.open(*manifest, fetcher)
                                  : Result<std::shared_ptr<const models::Family>>(nullptr);
    if (info.open && family && !*family) std::abort();
  }
  return 0;
}
