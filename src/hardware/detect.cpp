// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "accel/hardware/platform.hpp"
#include "isolated.hpp"
#include "probes.hpp"

namespace accel::hardware {
namespace {

using ProbeFunction = PlatformReport (*)(const DetectOptions&);
using TracesFunction = void (*)(const DetectOptions&, Probe&);

struct Row {
  Platform platform;
  ProbeFunction probe;
  std::string_view loads = {};      // What it loads, for a sentence; empty: nothing, runs here.
  std::string_view library = {};    // How the library's file name starts.
  TracesFunction traces = nullptr;  // What is known without loading anything.

  // A stranger's library is tried in a child process, for it may crash or hang. One that this
  // process uses already has passed that test, and its threads do not live on in a child.
  bool needs_child() const { return !loads.empty() && !is_loaded(library); }
};

constexpr std::array<Row, 8> kProbes{{
    {Platform::cpu, detail::probe_cpu},
    {Platform::cuda, detail::probe_cuda, "NVIDIA's driver (libcuda.so.1)", "libcuda.so",
     detail::add_cuda_traces},
    {Platform::rocm, detail::probe_rocm, "AMD's HIP runtime (libamdhip64.so)", "libamdhip64.so",
     detail::add_rocm_traces},
    {Platform::mps, detail::probe_mps},
    {Platform::openvino, detail::probe_openvino, "OpenVINO (libopenvino_c.so)", "libopenvino_c.so"},
    {Platform::qualcomm, detail::probe_qualcomm, "Qualcomm's QNN (libQnnHtp.so)", "libQnnHtp.so"},
    {Platform::webgpu, detail::probe_webgpu, "the Vulkan driver (libvulkan.so.1)", "libvulkan.so"},
    {Platform::webnn, detail::probe_webnn},
}};

PlatformReport failed_report(const Row& row, const DetectOptions& options, std::string reason) {
  PlatformReport report;
  report.platform = row.platform;
  if (row.traces != nullptr) row.traces(options, report.driver);
  for (Probe* part : {&report.driver, &report.device, &report.runtime}) {
    detail::say_no(*part, reason);
  }
  return report;
}

PlatformReport read_report(const Row& row, const DetectOptions& options,
                           const detail::IsolatedResult& result) {
  if (!result.output) return failed_report(row, options, result.failure);
  auto reports = reports_from_json_text(*result.output);
  if (!reports || reports->size() != 1 || reports->front().platform != row.platform) {
    return failed_report(row, options,
                         "The probe's answer is garbled: the library it loaded has "
                         "damaged its memory. Reinstall or update it.");
  }
  return std::move(reports->front());
}

void finish(PlatformReport& report) {
  if (!report.canary.ok && report.canary.reason.empty()) {
    report.canary.reason = "The canary model was not run.";
  }
  summarize(report);
}

}  // namespace

std::vector<PlatformReport> detect(const DetectOptions& options) {
  std::vector<detail::IsolatedJob> jobs;
  std::vector<bool> in_child;
  for (const Row& row : kProbes) {
    in_child.push_back(row.needs_child());
    if (!in_child.back()) continue;
    jobs.push_back(
        {std::string(row.loads), [&row, &options] { return to_json_text({row.probe(options)}); }});
  }
  const auto results = detail::run_isolated(jobs, options.deadline);
  std::vector<PlatformReport> reports;
  std::size_t next = 0;
  for (std::size_t i = 0; i < kProbes.size(); ++i) {
    const Row& row = kProbes[i];
    reports.push_back(in_child[i] ? read_report(row, options, results[next++])
                                  : row.probe(options));
    finish(reports.back());
  }
  return reports;
}

}  // namespace accel::hardware
