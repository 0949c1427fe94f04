// SPDX-License-Identifier: Apache-2.0
#include "content/byte_progress.hpp"

namespace accel::node {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);

}  // namespace

ByteProgress::ByteProgress(const Context& context, std::string phase)
    : context_(&context), phase_(std::move(phase)), started_(context.services.clock().now()) {}

void ByteProgress::report(std::uint64_t done, std::uint64_t total, const std::string& message) {
  const SteadyTime now = context_->services.clock().now();
  if (now - last_ < kProgressInterval && done < total) return;
  last_ = now;
  const double passed = to_ms(now - started_) / 1000.0;
  const double rate = passed > 0 ? static_cast<double>(done) / passed : 0;
  nlohmann::json step{
      {"phase", phase_}, {"bytes_done", done}, {"bytes_total", total}, {"bytes_per_second", rate}};
  if (rate > 0 && total >= done) step["eta_seconds"] = static_cast<double>(total - done) / rate;
  if (!message.empty()) step["message"] = message;
  context_->progress(step);
}

double ByteProgress::seconds() const {
  return to_ms(context_->services.clock().now() - started_) / 1000.0;
}

}  // namespace accel::node
