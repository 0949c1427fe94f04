// SPDX-License-Identifier: Apache-2.0
#include "serving/run_request.hpp"

#include <algorithm>
#include <array>

#include "accel/hardware/platform.hpp"
#include "accel/ipld/multibase.hpp"
#include "content/pulling.hpp"
#include "serving/keep_alive.hpp"
#include "serving/priority_wish.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::int64_t kMaxThreads = 4096;  // More than any machine has; an int holds it.
constexpr std::string_view kPrecisions[] = {"auto", "f32", "bf16", "f16", "int8dyn"};
constexpr std::array kMediaKinds{"image", "audio", "file"};
constexpr std::int64_t kMaxSeed = std::int64_t{1} << 53;  // JSON numbers are exact up to there.
constexpr std::size_t kMaxParameters = 32;

// What no machine has is a slip of the pen, and not a thing that is missing here.
Status check_policy(const perf::Policy& policy) {
  const std::string_view device = policy.device;
  const auto platform = hardware::platform_from_name(device.substr(0, device.find_first_of(":.")));
  if (device != "auto" && !platform) {
    return fail(Errc::invalid_argument,
                "The device must be auto, cpu, cuda, rocm, mps, openvino, qualcomm, webgpu or "
                "webnn, and may have an index (cuda:0).");
  }
  if (std::ranges::find(kPrecisions, policy.precision) != std::end(kPrecisions)) return {};
  return fail(Errc::invalid_argument, "The precision must be one of {}.",
              fmt::join(kPrecisions, ", "));
}

// Base64, with or without padding.
Status read_media(Params& params, RunRequest& request) {
  for (const char* const kind : kMediaKinds) {
    if (!params.given(kind)) continue;
    if (!request.media_kind.empty()) {
      return fail(Errc::invalid_argument, "run: give one of {}, not two.",
                  fmt::join(kMediaKinds, ", "));
    }
    request.media_kind = kind;
    const std::string text = params.text(kind, {});
    std::string_view digits = text;
    while (digits.ends_with('=')) digits.remove_suffix(1);
    if (digits.size() > models::kMaxMediaBytes / 3 * 4 + 4) {
      return fail(Errc::resource_exhausted, "run: the {} is larger than {} bytes.", kind,
                  models::kMaxMediaBytes);
    }
    auto bytes = ipld::base_decode(ipld::Multibase::base64, digits);
    if (!bytes) return fail(Errc::invalid_argument, "run: the {} is not base64.", kind);
    request.media = std::move(*bytes);
  }
  return {};
}

// {"difficulty": 50, …}
Status read_parameters(const json* given, RunRequest& request) {
  if (given == nullptr) return {};
  if (given->is_object() && given->size() <= kMaxParameters) {
    for (const auto& [name, value] : given->items()) {
      if (value.is_number()) request.parameters[name] = value.get<double>();
    }
    if (request.parameters.size() == given->size()) return {};
  }
  return fail(Errc::invalid_argument, "run: parameters must be up to {} numbers by name.",
              kMaxParameters);
}

Status apply_settings(const Config& config, perf::Policy& policy) {
  if (policy.precision == "auto") policy.precision = config.get<std::string>("hardware.precision");
  if (policy.threads == 0) {
    const auto configured = config.get<std::int64_t>("cpu.num_threads");
    if (configured > kMaxThreads) {
      return fail(Errc::invalid_argument, "The setting cpu.num_threads must be between 0 and {}.",
                  kMaxThreads);
    }
    policy.threads = static_cast<int>(configured);
  }
  if (policy.max_error == 0) policy.max_error = config.get<double>("selection.max_error");
  return {};
}

}  // namespace

Result<RunRequest> read_run_request(ServingContext& call) {
  Context& context = call.context;
  Params& params = context.params;
  RunRequest request;
  request.model = params.required_text("model");
  request.task = params.text("task", {});
  request.inputs = params.texts("inputs");
  request.query = params.text("query", {});
  request.language = params.text("language", {});
  request.top_k = static_cast<std::size_t>(params.integer_in(
      "top_k", std::int64_t{models::kDefaultTopK}, 1, std::int64_t{models::kMaxTopK}));
  request.policy.device = params.text("device", "auto");
  request.policy.precision = params.text("precision", "auto");
  request.policy.threads = static_cast<int>(params.integer_in("threads", 0, 0, kMaxThreads));
  request.policy.max_error = params.number("max_error", 0);
  request.explain = params.flag("explain");
  request.remeasure = params.flag("remeasure");
  request.record = params.flag("record", true);
  request.cache = params.flag("cache", true);
  request.client = params.text("client", {});
  ACCEL_TRY(request.keep_alive, keep_alive_wish(call));
  request.remote = read_remote_wish(context);
  ACCEL_TRY(request.priority, priority_wish(context));
  if (params.given("seed")) {
    request.seed = static_cast<std::uint64_t>(params.integer_in("seed", 0, 0, kMaxSeed));
  }
  ACCEL_CHECK(read_parameters(call.value("parameters"), request));
  ACCEL_CHECK(read_media(params, request));
  expect_pull_params(params);
  ACCEL_CHECK(params.finish());
  ACCEL_CHECK(check_policy(request.policy));
  ACCEL_CHECK(apply_settings(context.services.config(), request.policy));
  return request;
}

}  // namespace accel::node
