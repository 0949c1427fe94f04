// SPDX-License-Identifier: Apache-2.0
#include "kept_vectors.hpp"

#include <map>
#include <numeric>

namespace accel::models {
namespace {

using inference::KeptOutputs;
using inference::OutputKey;
using tensor::Tensor;

ByteView bytes_of(std::span<const std::int32_t> ids) {
  return {reinterpret_cast<const std::uint8_t*>(ids.data()), ids.size_bytes()};
}

}  // namespace

OutputKey KeptVectors::key_of(const Encoding& encoding) const {
  inference::OutputKeyWriter key = use_->begin_key("text vector");
  key.number(static_cast<std::uint64_t>(config_.pooling));
  key.number(config_.normalize ? 1 : 0);
  key.bytes(bytes_of(encoding.ids));
  key.bytes(encoding.type_ids);
  return key.finish();
}

std::vector<std::size_t> KeptVectors::take(std::span<std::vector<float>> vectors) {
  std::vector<std::size_t> running;
  if (use_ == nullptr) {
    running.resize(encodings_.size());
    std::iota(running.begin(), running.end(), std::size_t{0});
    running_ = running.size();
    return running;
  }
  std::map<OutputKey, std::size_t> first;
  for (std::size_t text = 0; text < encodings_.size(); ++text) {
    keys_.push_back(key_of(encodings_[text]));
    const auto [same, is_new] = first.emplace(keys_.back(), text);
    if (!is_new) {
      equal_.emplace_back(text, same->second);
    } else if (const KeptOutputs kept = use_->find(keys_.back()); kept) {
      const auto values = kept->front().data<float>();
      vectors[text].assign(values.begin(), values.end());
    } else {
      running.push_back(text);
    }
  }
  running_ = running.size();
  return running;
}

void KeptVectors::keep(std::size_t text, const std::vector<float>& vector) const {
  if (use_ == nullptr) return;
  const auto dimension = static_cast<std::int64_t>(vector.size());
  const ByteView bytes{reinterpret_cast<const std::uint8_t*>(vector.data()),
                       vector.size() * sizeof(float)};
  const auto value = Tensor::borrow(tensor::DType::f32, {dimension}, bytes);
  if (value) use_->keep(keys_[text], {&*value, 1});
}

void KeptVectors::share(std::span<std::vector<float>> vectors) const {
  for (const auto& [text, same] : equal_) vectors[text] = vectors[same];
}

}  // namespace accel::models
