// SPDX-License-Identifier: Apache-2.0
#include "accel/perf/candidate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace accel::perf {
namespace {

// "cuda" names every device of the platform, "cuda:1" one of them.
bool device_matches(std::string_view wanted, std::string_view device) {
  if (wanted == device) return true;
  return device.size() > wanted.size() && device.starts_with(wanted) &&
         (device[wanted.size()] == ':' || device[wanted.size()] == '.');
}

std::string device_reason(const Candidate& candidate, const Policy& policy) {
  if (policy.device != "auto") {
    if (device_matches(policy.device, candidate.device)) return {};
    return fmt::format("The policy asks for device {}.", policy.device);
  }
  if (!candidate.emulated) return {};
  return fmt::format("{} is emulated: it runs only when it is named (--device {}).",
                     candidate.device, candidate.device);
}

std::string precision_reason(const Candidate& candidate, const Policy& policy) {
  if (policy.precision != "auto") {
    if (candidate.precision == policy.precision) return {};
    return fmt::format("The policy asks for precision {}.", policy.precision);
  }
  if (candidate.precision == policy.native_precision || policy.max_error > 0) return {};
  return fmt::format(
      "{} would change the results of a model stored as {}; --max-error or --precision allows it.",
      candidate.precision, policy.native_precision);
}

// Why the policy rules the candidate out; empty when it does not.
std::string exclusion_reason(const Candidate& candidate, const Policy& policy) {
  const auto& engines = policy.engines_allowed;
  if (!engines.empty() &&
      std::find(engines.begin(), engines.end(), candidate.engine) == engines.end()) {
    return fmt::format("The policy does not allow the engine {}.", candidate.engine);
  }
  if (policy.threads != 0 && candidate.threads != policy.threads) {
    return fmt::format("The policy asks for {} threads.", policy.threads);
  }
  std::string reason = device_reason(candidate, policy);
  return reason.empty() ? precision_reason(candidate, policy) : reason;
}

}  // namespace

std::string Candidate::id() const {
  std::string text = fmt::format("{}/{}/{}/{}t", engine, device, precision, threads);
  for (const auto& [name, value] : options) text += fmt::format("/{}={}", name, value);
  return text;
}

std::string Policy::key() const {
  std::vector<std::string> engines = engines_allowed;
  std::sort(engines.begin(), engines.end());
  return fmt::format("device={} precision={} threads={} max_error={} native={} engines={}", device,
                     precision, threads, max_error, native_precision, fmt::join(engines, ","));
}

Filtered filter(const std::vector<Candidate>& candidates, const Policy& policy) {
  Filtered filtered;
  std::set<std::string> seen;
  for (const Candidate& candidate : candidates) {
    if (!seen.insert(candidate.id()).second) continue;
    std::string reason = exclusion_reason(candidate, policy);
    if (reason.empty()) {
      filtered.allowed.push_back(candidate);
    } else {
      filtered.excluded.push_back({candidate, std::move(reason)});
    }
  }
  return filtered;
}

std::vector<int> thread_counts(int usable_threads, int usable_physical_cores) {
  std::set<int> counts;
  for (int count = 1; count < usable_threads; count *= 2) counts.insert(count);
  if (usable_physical_cores >= 1 && usable_physical_cores < usable_threads) {
    counts.insert(usable_physical_cores);
  }
  counts.insert(std::max(1, usable_threads));
  return {counts.begin(), counts.end()};
}

}  // namespace accel::perf
