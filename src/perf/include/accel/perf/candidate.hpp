// SPDX-License-Identifier: Apache-2.0
#pragma once
// What can be chosen, and what a policy rules out. A policy filters candidates; it never ranks
// them: there is no priority table anywhere, measurement alone decides. Used by node, bench. Plain
// values.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace accel::perf {

// One way of running a model: this engine, on this device, so many threads, at this precision.
struct Candidate {
  std::string engine;     // "onnxruntime", "openvino"
  std::string device;     // "cpu", "cuda:0"
  std::string precision;  // "f32", "bf16", "f16", "int8dyn"
  int threads = 1;
  std::map<std::string, std::string> options;  // Engine options that differ between candidates.
  bool emulated = false;
  // Why its device is untested, a sentence for explanations; it rules nothing out. Empty: it is
  // not.
  std::string untested = {};

  // "openvino/cpu/f32/2t" with "/name=value" for each option: the same text for the same choice.
  std::string id() const;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Policy {
  std::string device =
      "auto";  // Or a platform ("cuda": any of its devices) or a device ("cuda:1").
  std::string precision = "auto";  // "auto": the model's own, or any if max_error allows an error.
  int threads = 0;                 // 0: any count.
  double max_error = 0;            // Largest accuracy error accepted of a precision not asked for.
  std::vector<std::string> engines_allowed;  // Empty: all.
  // The precision the weights are stored in, which is also the reference of accuracy errors.
  std::string native_precision = "f32";

  // Canonical text, for the key of a remembered choice.
  std::string key() const;
};

struct Excluded {
  Candidate candidate;
  std::string reason;
};

struct Filtered {
  std::vector<Candidate> allowed;  // In the order given, without duplicates.
  std::vector<Excluded> excluded;
};

// Emulated devices pass only when the policy names their device or platform.
Filtered filter(const std::vector<Candidate>& candidates, const Policy& policy);

// Thread counts worth trying for so many usable cores: 1, 2, 4, ... and all of them, and all
// physical ones where they are fewer. Counts beyond the usable threads are never proposed: spinning
// workers that share a core slow each other down a hundredfold (measuring.md).
std::vector<int> thread_counts(int usable_threads, int usable_physical_cores);

}  // namespace accel::perf
