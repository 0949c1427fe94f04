// SPDX-License-Identifier: Apache-2.0
// WebNN is an interface of browsers: a native process cannot have it. What can be looked for here
// is a browser whose tab could offer it.
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "probes.hpp"

namespace accel::hardware::detail {
namespace {

std::optional<std::filesystem::path> find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::filesystem::path file = std::filesystem::path(rest.substr(0, colon)) / name;
    if (::access(file.c_str(), X_OK) == 0) return file;
    rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  }
  return std::nullopt;
}

}  // namespace

PlatformReport probe_webnn(const DetectOptions&) {
  constexpr std::array<const char*, 5> kBrowsers{"chromium", "google-chrome", "chrome",
                                                 "microsoft-edge", "firefox"};
  PlatformReport report;
  report.platform = Platform::webnn;
  for (const char* browser : kBrowsers) {
    if (const auto path = find_program(browser)) {
      report.driver.evidence[browser] = path->string();
    }
  }
  report.driver.ok = !report.driver.evidence.empty();
  if (!report.driver.ok) {
    say_no(report.driver,
           "WebNN exists only inside browsers, and none is installed here. Install one (Debian: "
           "chromium).");
  }
  say_no(report.device,
         "WebNN exists only inside browsers: a tab that is connected to this daemon and offers it "
         "would be its device, and none is connected.");
  say_no(report.runtime, "No browser tab is connected to this daemon.");
  return report;
}

}  // namespace accel::hardware::detail
