// SPDX-License-Identifier: Apache-2.0
#pragma once
// What this machine offers on each of the eight platforms, as evidence and not as a guess.
// Used by inference (fills in the canaries), perf (candidates), node and cli (`hardware detect`).
// Plain values; detect() may be called from any thread and blocks (at most
// DetectOptions::deadline).

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/clock.hpp"
#include "accel/core/result.hpp"

namespace accel::hardware {

enum class Platform { cpu, cuda, rocm, mps, openvino, qualcomm, webgpu, webnn };

inline constexpr std::array kAllPlatforms{Platform::cpu,    Platform::cuda,     Platform::rocm,
                                          Platform::mps,    Platform::openvino, Platform::qualcomm,
                                          Platform::webgpu, Platform::webnn};

std::string_view platform_name(Platform platform);

// Why what this program does on the platform's devices is untested: its tests have met none, a
// sentence; empty where they have. Emulated devices do not count.
std::string_view untested_reason(Platform platform);

// Errors: invalid_argument, naming the eight.
Result<Platform> platform_from_name(std::string_view name);

// One question and its answer. reason is empty when ok, else a sentence: why not, and what to
// install.
struct Probe {
  bool ok = false;
  std::string reason;
  std::map<std::string, std::string> evidence;  // "library" -> path, "version" -> "12.4", ...
};

struct Device {
  std::string id;  // As engines name it: "cuda:0", "GPU.0", "cpu".
  std::string name;
  std::uint64_t memory_bytes = 0;  // 0: unknown.
  bool emulated = false;           // Software pretends to be this device; never chosen by itself.
  std::map<std::string, std::string> properties;
};

// driver: the kernel's or the vendor's driver answers. device: it offers at least one device.
// runtime: an inference engine's library for it is installed. canary: a small model ran there and
// agreed with the CPU; detect() leaves it "not run", inference::fill_canaries() fills it in.
struct PlatformReport {
  Platform platform = Platform::cpu;
  Probe driver;
  Probe device;
  Probe runtime;
  Probe canary;
  std::vector<Device> devices;
  bool emulated = false;  // Every device of this platform is emulated.
  std::string reason;     // Why it is not available; empty when it is. See summarize().

  bool available() const { return canary.ok; }
};

// Recomputes `emulated` and `reason` (the first of driver, device, runtime, canary that is not ok).
// Call it after filling in a canary.
void summarize(PlatformReport& report);

// The evidence of the four parts in one map, with keys "driver.version", "runtime.library", ...
std::map<std::string, std::string> all_evidence(const PlatformReport& report);

struct DetectOptions {
  // How long one platform's probe may take before it is ended with a reason. A cold CUDA driver on
  // a machine with eight GPUs and no persistence daemon takes several seconds.
  Duration deadline = std::chrono::seconds(10);
  // Folders searched for vendor and engine libraries before the usual places (core/library.hpp).
  std::vector<std::filesystem::path> library_directories;
  // Where /proc, /sys and /dev are read; tests point it at a captured tree.
  std::filesystem::path root = "/";
};

// Probes all eight platforms, in the order of kAllPlatforms. Vendor libraries are loaded in child
// processes, side by side: a driver that crashes or hangs becomes a reason, never our crash.
std::vector<PlatformReport> detect(const DetectOptions& options = {});

// A short text that changes when drivers or devices may have changed (boot, kernel modules, device
// nodes, loader cache, library folders): as long as it stays, an earlier detect() still holds.
// Costs about a millisecond; loads nothing.
std::string detection_stamp(const DetectOptions& options = {});

// All fields as JSON text and back, for a cache of detect(). Errors: corrupt.
std::string to_json_text(const std::vector<PlatformReport>& reports);
Result<std::vector<PlatformReport>> reports_from_json_text(std::string_view text);

}  // namespace accel::hardware
