// SPDX-License-Identifier: Apache-2.0
#include <sys/statvfs.h>
#include <unistd.h>

#include "accel/hardware/cpu_info.hpp"
#include "context.hpp"
#include "names/names.hpp"
#include "serving/serving.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::uint64_t kLittleSpaceBytes = 1ULL << 30U;
constexpr std::uint64_t kDoctorSampleBlocks = 256;

json check(std::string what, bool ok, std::string found, std::string advice = {}) {
  return {{"what", std::move(what)},
          {"ok", ok},
          {"found", std::move(found)},
          {"advice", ok ? std::string() : std::move(advice)}};
}

json check_space(const Home& home) {
  struct statvfs info{};
  if (::statvfs(home.root.c_str(), &info) != 0)
    return check("disk", false, "unknown", "the home's file system does not answer");
  const std::uint64_t left = std::uint64_t{info.f_bavail} * info.f_frsize;
  return check("disk", left >= kLittleSpaceBytes, human_bytes(left) + " free",
               "free some space, or `ipfs-accelerate gc`");
}

json check_store(Context& context) {
  const auto store = context.services.store();
  if (!store) return check("store", false, store.error().to_string(), "see the message");
  blockstore::VerifyOptions options;
  options.sample_blocks = kDoctorSampleBlocks;
  options.stop = context.stop;
  const auto report = (*store)->verify(options);
  if (!report) return check("store", false, report.error().to_string(), "see the message");
  return check("store", report->bad_total == 0,
               fmt::format("{} blocks sampled, {} pins whole, {} damaged", report->blocks,
                           report->pins, report->bad_total),
               "`ipfs-accelerate verify` lists what is damaged; pull those roots again");
}

json check_engine(inference::Backend& backend) {
  const auto info = backend.probe();
  if (!info)
    return check("engine", false, std::string(backend.name()) + ": " + info.error().message,
                 "install it, or run without it");
  return check("engine", true,
               fmt::format("{} {} ({})", info->engine, info->version, info->library_path.string()));
}

}  // namespace

Result<json> node_status(ServingContext& call) {
  Context& context = call.context;
  ACCEL_CHECK(context.params.finish());
  // The method is open: who may not look in here learns that a node of this program is there.
  if (!security::may(context.caller.role, security::Role::read))
    return json{{"home_format", kHomeVersion}};
  ACCEL_TRY(blockstore::Store* const store, context.services.store());
  ACCEL_TRY(const auto pins, store->pins());
  ACCEL_TRY(const auto names, store->kv_list(kNameSpace));
  const hardware::CpuInfo cpu = hardware::cpu_info();
  return json{{"home", context.services.home().root.string()},
              {"home_format", kHomeVersion},
              {"pins", pins.size()},
              {"names", names.size()},
              {"loaded_models", call.serving.models.size()},
              {"cpu", cpu.model},
              {"usable_threads", cpu.usable_threads},
              {"pid", ::getpid()}};
}

Result<json> node_doctor(Context& context) {
  ACCEL_CHECK(context.params.finish());
  const Home& home = context.services.home();
  json checks = json::array();
  checks.push_back(
      check("home", true, fmt::format("{}, format {}", home.root.string(), kHomeVersion)));
  checks.push_back(check("writable", ::access(home.root.c_str(), W_OK) == 0, home.root.string(),
                         "this home can only be read; choose another with --home"));
  checks.push_back(check_space(home));
  checks.push_back(check_store(context));
  bool engine = false;
  for (const auto& backend : context.services.backends()) {
    checks.push_back(check_engine(*backend));
    engine |= checks.back().at("ok").get<bool>();
  }
  bool healthy = engine;
  for (const json& row : checks) healthy &= row.at("ok").get<bool>() || row.at("what") == "engine";
  return json{{"healthy", healthy}, {"checks", std::move(checks)}};
}

}  // namespace accel::node
