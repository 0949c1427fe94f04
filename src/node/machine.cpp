// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <map>

#include "accel/crypto/sha256.hpp"
#include "accel/hardware/machine_key.hpp"
#include "accel/inference/canary.hpp"

namespace accel::node {
namespace {

constexpr std::string_view kDetectionSpace = "detection";

// Which library each engine would load: changes when it is replaced, without loading it.
std::map<std::string, std::string> engine_stamps(Services& services) {
  std::map<std::string, std::string> stamps;
  for (const auto& backend : services.backends()) {
    stamps.emplace(backend->name(), backend->stamp());
  }
  return stamps;
}

std::optional<std::vector<hardware::PlatformReport>> remembered_reports(
    const blockstore::Store& store, const std::string& stamp) {
  const auto value = store.kv_get(kDetectionSpace, stamp);
  if (!value || !*value) return std::nullopt;
  auto reports = hardware::reports_from_json_text(**value);
  return reports ? std::optional(std::move(*reports)) : std::nullopt;
}

std::string current_stamp() {
  return to_hex(crypto::sha256(as_bytes(hardware::detection_stamp())));
}

// A read-only home detects each time.
void remember(blockstore::Store& store, const std::string& stamp,
              const std::vector<hardware::PlatformReport>& reports) {
  if (const auto old = store.kv_list(kDetectionSpace)) {
    for (const auto& [key, value] : *old) (void)store.kv_erase(kDetectionSpace, key);
  }
  (void)store.kv_put(kDetectionSpace, stamp, hardware::to_json_text(reports));
}

// Without canaries: the machine key leaves them out, and loading every engine here would cost each
// first run seconds.
std::vector<hardware::PlatformReport> detected(blockstore::Store& store) {
  const std::string stamp = current_stamp();
  if (auto known = remembered_reports(store, stamp)) return std::move(*known);
  std::vector<hardware::PlatformReport> reports = hardware::detect();
  remember(store, stamp, reports);
  return reports;
}

}  // namespace

Result<std::vector<hardware::PlatformReport>> detect_platforms(Services& services,
                                                               std::stop_token stop) {
  std::vector<hardware::PlatformReport> reports = hardware::detect();
  ACCEL_TRY(blockstore::Store* const store, services.store());
  remember(*store, current_stamp(), reports);
  std::vector<inference::Backend*> backends;
  for (const auto& backend : services.backends()) backends.push_back(backend.get());
  ACCEL_CHECK(inference::fill_canaries(reports, backends, stop));
  for (hardware::PlatformReport& report : reports) hardware::summarize(report);
  return reports;
}

Result<Machine> this_machine(Services& services, std::stop_token stop) {
  ACCEL_TRY(blockstore::Store* const store, services.store());
  Machine machine;
  machine.cpu = hardware::cpu_info();
  const std::string text =
      hardware::machine_key_text(machine.cpu, detected(*store), engine_stamps(services));
  machine.key = to_hex(crypto::sha256(as_bytes(text)));
  if (stop.stop_requested()) return fail(Errc::cancelled, "Looking at this machine was cancelled.");
  return machine;
}

}  // namespace accel::node
