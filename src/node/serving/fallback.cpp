// SPDX-License-Identifier: Apache-2.0
#include "serving/fallback.hpp"

#include <nlohmann/json.hpp>

#include "accel/core/log.hpp"
#include "accel/inference/engine_failure.hpp"
#include "names/names.hpp"
#include "serving/loaded.hpp"
#include "serving/serving.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr const char* kAuto = "auto";
constexpr const char* kCpu = "cpu";

// The model's root as text; nothing where it is not here.
std::optional<std::string> root_of(ServingContext& call, const std::string& model) {
  const auto store = call.context.services.store();
  if (!store) return std::nullopt;
  const auto target = resolve_target(**store, model);
  return target ? std::optional(target->cid.to_string()) : std::nullopt;
}

// Who asks for a measuring asks for the device again.
std::optional<RestingDevice> resting_for(ServingContext& call, const RunRequest& request) {
  if (request.remeasure) return std::nullopt;
  const auto root = root_of(call, request.model);
  if (!root) return std::nullopt;
  return call.serving.resting.find(*root, call.context.services.clock().now());
}

void count_fallback(Services& services, const std::string& device) {
  services.metrics()
      .counter("accel_node_fallbacks_total",
               "Requests that the CPU computed because a device had failed", {{"device", device}})
      .add();
}

json tell(ServingContext& call, json result, const RestingDevice& device) {
  Services& services = call.context.services;
  count_fallback(services, device.device);
  const Clock& clock = services.clock();
  result["fell_back"] = {{"from", device.device},
                         {"to", kCpu},
                         {"reason", device.why},
                         {"until", to_rfc3339(clock.wall_now() + (device.until - clock.now()))}};
  return result;
}

// Once for each rest. What is open on the device goes, with what it holds there: after the rest
// it is opened anew.
void let_rest(ServingContext& call, const std::string& model, const std::string& root,
              const RestingDevice& device) {
  Services& services = call.context.services;
  if (!call.serving.resting.add(root, device, services.clock().now())) return;
  services.metrics()
      .counter("accel_node_device_failures_total",
               "Devices that failed at what the CPU then did, and rest for the model",
               {{"device", device.device}})
      .add();
  const auto seconds = std::chrono::seconds(RestingDevices::kRest).count();
  log::warn("node", "a device failed and rests; the CPU computes for it",
            {log::field("model", model), log::field("device", device.device),
             log::field("why", device.why), log::field("seconds", seconds)});
  call.serving.models.drop([&](const inference::PooledModel& one) {
    const auto* const loaded = dynamic_cast<const Loaded*>(&one);
    return loaded != nullptr && loaded->root.to_string() == root &&
           loaded->row().value("device", std::string()) == device.device;
  });
}

void ask_the_cpu(RunRequest& request, bool falls_back) {
  request.policy.device = falls_back ? kCpu : kAuto;
  request.falls_back = falls_back;
}

// By the request, or by the configuration.
bool is_pinned(const ServingContext& call, const RunRequest& request, const std::string& device) {
  if (request.policy.device != kAuto) return true;
  return device.starts_with("cuda") &&
         call.context.services.config().get<bool>("hardware.prefer_cuda");
}

Error of_pinned_device(Error error, const std::string& device) {
  error.message += fmt::format(
      " It ran on {}, which the request or hardware.prefer_cuda names; were the device left open, "
      "the CPU would have been asked instead.",
      device);
  return error;
}

// The CPU tells better what is wrong with an input; else what failed first is told.
Error of_both(Error device, Error cpu) {
  if (!inference::is_engine_failure(cpu)) return cpu;
  device.message += fmt::format(" The CPU could not compute it either: {}", cpu.message);
  return device;
}

// The request on its own device. Nothing: it failed there, and the CPU may do it; `failed` says
// what failed where.
std::optional<Result<json>> run_on_device(const ServingContext& call, RunRequest& request,
                                          const RunAttempt& attempt, std::string& device,
                                          Error& failed) {
  device.clear();
  request.begun_on = &device;
  Result<json> result = attempt();
  request.begun_on = nullptr;
  const bool fails =
      !result && !device.empty() && device != kCpu && inference::is_engine_failure(result.error());
  if (!fails) return result;
  if (is_pinned(call, request, device))
    return fail(of_pinned_device(std::move(result).error(), device));
  failed = std::move(result).error();
  return std::nullopt;
}

}  // namespace

Result<json> run_or_fall_back(ServingContext& call, RunRequest& request,
                              const RunAttempt& attempt) {
  const bool open = request.policy.device == kAuto;
  if (const auto resting = open ? resting_for(call, request) : std::nullopt) {
    ask_the_cpu(request, true);
    Result<json> result = attempt();
    if (result) return tell(call, *std::move(result), *resting);
    if (result.error().code != Errc::unsupported) return result;
    ask_the_cpu(request, false);  // What the rest of the policy asks for is not the CPU's.
  }
  std::string device;
  Error failed;
  if (auto result = run_on_device(call, request, attempt, device, failed))
    return *std::move(result);
  ask_the_cpu(request, true);
  Result<json> result = attempt();
  if (!result) return fail(of_both(std::move(failed), std::move(result).error()));
  const SteadyTime until = call.context.services.clock().now() + RestingDevices::kRest;
  const RestingDevice resting{device, failed.to_string(), until};
  if (const auto root = root_of(call, request.model)) let_rest(call, request.model, *root, resting);
  return tell(call, *std::move(result), resting);
}

}  // namespace accel::node
