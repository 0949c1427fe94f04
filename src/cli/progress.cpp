// SPDX-License-Identifier: Apache-2.0
#include "progress.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "accel/core/bytes.hpp"

namespace accel::cli {
namespace {

constexpr std::size_t kColumns = 79;
constexpr std::size_t kBarColumns = 24;
constexpr auto kTerminalInterval = std::chrono::milliseconds(80);  // Fast enough to look smooth.
constexpr auto kLogInterval = std::chrono::seconds(5);             // Rare enough to read a log.

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "--:--";
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
}

std::string bar(double share) {
  const auto filled =
      static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarColumns));
  return "[" + std::string(filled, '#') + std::string(kBarColumns - filled, '.') + "]";
}

}  // namespace

std::string ProgressLine::render(const nlohmann::json& progress, std::size_t width) {
  std::string line = progress.value("phase", std::string("working"));
  const std::uint64_t done = progress.value("bytes_done", std::uint64_t{0});
  const std::uint64_t total = progress.value("bytes_total", std::uint64_t{0});
  if (total > 0) {
    const double share = static_cast<double>(done) / static_cast<double>(total);
    line += fmt::format(" {} {:3.0f}% {}/{}", bar(share), share * 100, human_bytes(done),
                        human_bytes(total));
  } else if (done > 0) {
    line += " " + human_bytes(done);
  }
  if (const double rate = progress.value("bytes_per_second", 0.0); rate > 0) {
    line += fmt::format(" {}/s", human_bytes(static_cast<std::uint64_t>(rate)));
    if (total > 0) line += " " + duration_text(progress.value("eta_seconds", -1.0));
  }
  if (const std::string message = progress.value("message", std::string()); !message.empty()) {
    line += " " + message;
  }
  for (char& character : line) {
    if (static_cast<unsigned char>(character) < 0x20 || character == 0x7F) character = '?';
  }
  return line.substr(0, width);
}

void ProgressLine::show(const nlohmann::json& progress) {
  if (quiet_) return;
  const SteadyTime now = clock_->now();
  const auto interval = terminal_ ? std::chrono::nanoseconds(kTerminalInterval)
                                  : std::chrono::nanoseconds(kLogInterval);
  if (last_ == SteadyTime{} && !terminal_) last_ = now;  // Short work stays silent in a log.
  if (last_ != SteadyTime{} && now - last_ < interval) return;
  last_ = now;
  drawn_ = true;
  const std::string line = render(progress, kColumns);
  std::fputs((terminal_ ? "\r\033[K" + line : line + "\n").c_str(), stderr);
}

void ProgressLine::clear() {
  if (drawn_ && terminal_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

}  // namespace accel::cli
