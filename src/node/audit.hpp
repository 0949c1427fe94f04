// SPDX-License-Identifier: Apache-2.0
#pragma once
// What changed the state of this home: one line of JSON each in home/logs/audit.jsonl
// (docs/formats/audit.md), with time, caller, method, target and outcome, and never a secret: of
// the parameters only those that name the target are kept. Bounded by rotation. Used by Node for
// every call; safe from any thread, and from several processes of one home. What cannot be written
// is logged and changes no outcome.

#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "accel/core/clock.hpp"
#include "accel/node/home.hpp"
#include "accel/node/node.hpp"

namespace accel::node {

struct AuditLimits {
  std::uint64_t file_bytes = 8U << 20U;  // Some 40,000 lines; then the file is rotated,
  int old_files = 3;                     // and so many older ones are kept.
};

class Audit {
 public:
  Audit(Home home, const Clock& clock, AuditLimits limits = {});

  // Nothing for a method that changes nothing.
  void note(const Caller& caller, std::string_view method, const nlohmann::json& params,
            const Result<nlohmann::json>& result);
  // What a key was not allowed, whatever the method; of each key one line a second at most, so that
  // it can't turn the log over.
  void note_refusal(const Caller& caller, std::string_view method, const Error& error);

 private:
  void write(const nlohmann::json& line);
  Status append(const std::string& line);

  Home home_;
  const Clock& clock_;
  AuditLimits limits_;
  std::mutex mutex_;
  std::mutex refusals_mutex_;
  std::map<std::string, SteadyTime> refusals_;  // When each key was refused last.
};

}  // namespace accel::node
