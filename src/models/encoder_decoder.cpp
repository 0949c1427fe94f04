// SPDX-License-Identifier: Apache-2.0
#include "encoder_decoder.hpp"

#include <algorithm>

#include "accel/inference/graph_set.hpp"
#include "labels.hpp"

namespace accel::models {
namespace {

using inference::NamedTensor;
using inference::Session;
using inference::TensorSpec;
using tensor::DType;
using tensor::Tensor;

constexpr std::string_view kIds = "input_ids", kStates = "encoder_hidden_states";
constexpr std::string_view kUseCache = "use_cache_branch", kLogits = "logits";
constexpr std::string_view kPast = "past_key_values.", kPresent = "present.";
constexpr std::string_view kMask = "attention_mask", kHidden = "last_hidden_state";
constexpr std::string_view kEncoderMask = "encoder_attention_mask";
constexpr std::size_t kCacheRank = 4;  // [batch, heads, length, size]

const TensorSpec* find(const std::vector<TensorSpec>& specs, std::string_view name) {
  const auto found = std::ranges::find(specs, name, &TensorSpec::name);
  return found == specs.end() ? nullptr : &*found;
}

}  // namespace

Result<EncoderDecoder> EncoderDecoder::open(Session& session, const Kind& kind,
                                            const inference::RunOptions& options) {
  ACCEL_TRY(Session* const encoder, inference::find_graph(session, "encoder"));
  ACCEL_TRY(Session* const decoder, inference::find_graph(session, "decoder"));
  EncoderDecoder both(*encoder, *decoder, kind, options);
  both.with_past_ = session.graph("decoder_with_past");
  ACCEL_CHECK(both.check_graphs());
  both.merged_ = find(decoder->inputs(), kUseCache) != nullptr;
  const bool gives_cache = std::ranges::any_of(decoder->outputs(), [](const TensorSpec& spec) {
    return spec.name.starts_with(kPresent) && spec.dtype == DType::f32;
  });
  both.cached_ = gives_cache && (both.merged_ || both.with_past_ != nullptr);
  return both;
}

Status EncoderDecoder::want(const std::vector<TensorSpec>& specs, std::string_view graph,
                            std::string_view name, DType dtype) const {
  const TensorSpec* const spec = find(specs, name);
  if (spec != nullptr && spec->dtype == dtype) return {};
  return fail(Errc::unsupported,
              "The model's {} has no {} of type {}: it is no {} as optimum exports it{}.", graph,
              name, tensor::dtype_name(dtype), kind_.model,
              spec == nullptr ? "" : "; 16-bit inputs and outputs are not read");
}

Status EncoderDecoder::check_inputs_of(const Session& graph, std::string_view name) const {
  for (const TensorSpec& spec : graph.inputs()) {
    const bool cache = spec.name.starts_with(kPast) && spec.dtype == DType::f32 &&
                       spec.rank_known && spec.dims.size() == kCacheRank;
    const bool states = spec.name == kStates && spec.dtype == DType::f32;
    const bool flag = spec.name == kUseCache && spec.dtype == DType::boolean;
    const bool ids = spec.name == kIds && spec.dtype == DType::i64;
    const bool mask = spec.name == kEncoderMask && spec.dtype == DType::i64 && kind_.input == kIds;
    if (cache || states || flag || ids || mask) continue;
    return fail(Errc::unsupported,
                "The model's {} wants {}, which no {} here gives: input_ids, "
                "encoder_hidden_states, past_key_values.* in float32 and use_cache_branch are "
                "known, and of texts encoder_attention_mask.",
                name, to_string(spec), kind_.model);
  }
  ACCEL_CHECK(want(graph.inputs(), name, kIds, DType::i64));
  return want(graph.outputs(), name, kLogits, DType::f32);
}

Status EncoderDecoder::check_graphs() const {
  ACCEL_CHECK(want(encoder_->inputs(), "encoder", kind_.input, kind_.dtype));
  for (const TensorSpec& spec : encoder_->inputs()) {
    const bool mask = spec.name == kMask && spec.dtype == DType::i64 && kind_.input == kIds;
    if (mask || spec.name == kind_.input) continue;
    return fail(Errc::unsupported, "The model's encoder wants {}, which no {} here gives.",
                to_string(spec), kind_.model);
  }
  ACCEL_CHECK(want(encoder_->outputs(), "encoder", kHidden, DType::f32));
  ACCEL_CHECK(check_inputs_of(*decoder_, "decoder"));
  return with_past_ == nullptr ? Status() : check_inputs_of(*with_past_, "decoder_with_past");
}

Status EncoderDecoder::encode(const Tensor& input, const Tensor* mask) {
  cache_.clear();
  ids_.clear();
  mask_ = mask;
  const std::string wanted[] = {std::string(kHidden)};
  std::vector<NamedTensor> given;
  for (const TensorSpec& spec : encoder_->inputs()) {
    const bool masks = spec.name == kMask && mask != nullptr;
    given.push_back({spec.name, masks ? mask : &input});
  }
  ACCEL_TRY(std::vector<Tensor> outputs, encoder_->run(given, wanted, *options_));
  states_ = std::move(outputs.at(0));
  return {};
}

// [1, heads, 0, size] of an input [batch, heads, length, size].
Result<const Tensor*> EncoderDecoder::empty_cache(const TensorSpec& spec) {
  const auto found = empty_.find(spec.name);
  if (found != empty_.end()) return &found->second;
  if (spec.dims[1] <= 0 || spec.dims[3] <= 0)
    return fail(Errc::unsupported, "The model's decoder does not say how large {} is.", spec.name);
  ACCEL_TRY(Tensor zeros, Tensor::zeros(DType::f32, {1, spec.dims[1], 0, spec.dims[3]}));
  return &empty_.emplace(spec.name, std::move(zeros)).first->second;
}

Result<std::vector<std::string>> EncoderDecoder::wanted_outputs(const Session& graph) const {
  std::vector<std::string> names{std::string(kLogits)};
  if (!cached_) return names;
  for (const TensorSpec& spec : graph.outputs()) {
    if (!spec.name.starts_with(kPresent)) continue;
    // Keys and values of what was read do not change within an answer.
    const bool read = spec.name.find(".encoder.") != spec.name.npos;
    if (cache_.empty() || !read) names.push_back(spec.name);
  }
  return names;
}

Status EncoderDecoder::keep_outputs(std::vector<Tensor> outputs,
                                    std::span<const std::string> names) {
  logits_ = std::move(outputs.at(0));
  for (std::size_t i = 1; i < outputs.size(); ++i)
    cache_[names[i].substr(kPresent.size())] = std::move(outputs[i]);
  return read_logits();
}

Status EncoderDecoder::read_logits() {
  ACCEL_TRY(const auto values, finite_values(logits_, kLogits));
  const tensor::Shape& shape = logits_.shape();
  if (shape.size() != 3 || shape[0] != 1 || shape[1] < 1 || shape[2] < 1)
    return fail(Errc::unsupported,
                "The model's logits are {}; [1, tokens, vocabulary] was "
                "expected.",
                tensor::shape_text(shape));
  const auto vocabulary = static_cast<std::size_t>(shape[2]);
  first_logits_ = values.first(vocabulary);
  last_logits_ = values.last(vocabulary);
  return {};
}

Status EncoderDecoder::run(Session& graph, std::span<const std::int32_t> ids) {
  const std::vector<std::int64_t> wide(ids.begin(), ids.end());
  ACCEL_TRY(const Tensor tokens, Tensor::copy_of<std::int64_t>(
                                     {1, std::ssize(wide)}, std::span<const std::int64_t>(wide)));
  ACCEL_TRY(const Tensor use_cache, Tensor::of<bool>({1}, {!cache_.empty()}));
  std::vector<NamedTensor> given;
  for (const TensorSpec& spec : graph.inputs()) {
    if (spec.name == kIds) given.push_back({spec.name, &tokens});
    if (spec.name == kStates) given.push_back({spec.name, &states_});
    if (spec.name == kEncoderMask) given.push_back({spec.name, mask_});
    if (spec.name == kUseCache) given.push_back({spec.name, &use_cache});
    if (!spec.name.starts_with(kPast)) continue;
    const auto kept = cache_.find(std::string_view(spec.name).substr(kPast.size()));
    const Tensor* past = kept == cache_.end() ? nullptr : &kept->second;
    if (past == nullptr && !cache_.empty())
      return fail(Errc::unsupported,
                  "The model's decoder wants {}, which its first step did not "
                  "give.",
                  spec.name);
    if (past == nullptr) {
      ACCEL_TRY(past, empty_cache(spec));
    }
    given.push_back({spec.name, past});
  }
  ACCEL_TRY(const auto names, wanted_outputs(graph));
  ACCEL_TRY(std::vector<Tensor> outputs, graph.run(given, names, *options_));
  return keep_outputs(std::move(outputs), names);
}

Result<std::span<const float>> EncoderDecoder::step(std::span<const std::int32_t> ids) {
  if (options_->stop.stop_requested()) return fail(Errc::cancelled, "The run was cancelled.");
  ids_.insert(ids_.end(), ids.begin(), ids.end());
  const bool later = cached_ && !cache_.empty();
  Session& graph = later && !merged_ ? *with_past_ : *decoder_;
  ACCEL_CHECK(run(graph, later ? ids : std::span<const std::int32_t>(ids_)));
  return last_logits_;
}

}  // namespace accel::models
