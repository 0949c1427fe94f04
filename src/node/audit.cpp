// SPDX-License-Identifier: Apache-2.0
#include "audit.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "accel/core/file.hpp"
#include "accel/core/log.hpp"

namespace accel::node {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxTargetBytes = 512;
constexpr std::size_t kMaxTargets = 16;
constexpr Duration kRefusalEvery = std::chrono::seconds(1);

// The methods that change something, and the parameter that names what.
struct Changing {
  std::string_view method;
  std::string_view target;  // May be empty: the whole store, or the result names it.
};
constexpr std::array kChanging{Changing{"api_keys.create", "label"},
                               Changing{"api_keys.revoke", "key"},
                               Changing{"block.put", ""},
                               Changing{"content.add", "path"},
                               Changing{"config.set", "key"},
                               Changing{"config.trust", "file"},
                               Changing{"config.unset", "key"},
                               Changing{"content.adopt", "path"},
                               Changing{"content.pull", "target"},
                               Changing{"dag.import", "files"},
                               Changing{"dag.put", ""},
                               Changing{"endpoints.add", "name"},
                               Changing{"endpoints.rm", "name"},
                               Changing{"key.export", "name"},
                               Changing{"key.gen", "name"},
                               Changing{"key.import", "name"},
                               Changing{"key.rename", "from"},
                               Changing{"key.rm", "names"},
                               Changing{"models.publish", "model"},
                               Changing{"name.publish", "path"},
                               Changing{"pin.add", "target"},
                               Changing{"pin.rm", "target"},
                               Changing{"pin.update", "from"},
                               Changing{"replicate.add", "target"},
                               Changing{"replicate.remove", "target"},
                               Changing{"routing.put", "key"},
                               Changing{"store.gc", ""},
                               Changing{"store.repair", ""},
                               Changing{"swarm.connect", "address"},
                               Changing{"swarm.disconnect", "peer"}};

// What a result tells of what was made: names and CIDs.
constexpr std::array kOutcomes{"cid", "name", "id", "value", "sequence", "to", "peer"};

json shortened(const json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.substr(0, kMaxTargetBytes);
  }
  if (value.is_number()) return value;
  json list = json::array();
  if (!value.is_array()) return list;
  for (const json& item : value) {
    if (list.size() == kMaxTargets) break;
    if (item.is_string()) list.push_back(shortened(item));
  }
  return list;
}

bool is_trial(const json& params) {
  const auto found = params.find("only_hash");
  const auto dry = params.find("dry_run");
  return (found != params.end() && *found == true) || (dry != params.end() && *dry == true);
}

}  // namespace

Audit::Audit(Home home, const Clock& clock, AuditLimits limits)
    : home_(std::move(home)), clock_(clock), limits_(limits) {}

void Audit::note(const Caller& caller, std::string_view method, const json& params,
                 const Result<json>& result) {
  const auto* const found = std::ranges::find(kChanging, method, &Changing::method);
  if (found == kChanging.end() || is_trial(params)) return;
  json line{{"time", to_rfc3339(clock_.wall_now())},
            {"who", caller.who},
            {"method", method},
            {"outcome", result ? std::string_view("ok") : errc_name(result.error().code)}};
  const auto target = params.find(found->target);
  if (target != params.end()) line["target"] = shortened(*target);
  if (result) {
    for (const char* name : kOutcomes) {
      const auto value = result->find(name);
      if (value != result->end()) line["result"][name] = shortened(*value);
    }
  }
  write(line);
}

void Audit::note_refusal(const Caller& caller, std::string_view method, const Error& error) {
  if (!caller.key) return;
  {
    const SteadyTime now = clock_.now();
    const std::scoped_lock own(refusals_mutex_);
    const auto [last, first] = refusals_.try_emplace(caller.who, now);
    if (!first && now - last->second < kRefusalEvery) return;
    last->second = now;
  }
  const json line{{"time", to_rfc3339(clock_.wall_now())},
                  {"who", caller.who},
                  {"method", method},
                  {"outcome", errc_name(error.code)}};
  write(line);
}

void Audit::write(const json& line) {
  const Status written = append(line.dump(-1, ' ', false, json::error_handler_t::replace) + "\n");
  if (written) return;
  log::warn("node", "The audit log can't be written.",
            {log::field("cause", written.error().message)});
}

Status Audit::append(const std::string& line) {
  if (::access(home_.root.c_str(), W_OK) != 0) return {};  // Nothing changes there either.
  const std::scoped_lock own(mutex_);
  ACCEL_CHECK(make_directories(home_.logs()));
  ACCEL_TRY(const FileLock lock, FileLock::acquire(home_.logs() / ".audit.lock",
                                                   FileLock::Mode::exclusive, /*wait=*/true));
  const auto file_at = [&](int age) {
    return home_.logs() /
           (age == 0 ? std::string("audit.jsonl") : fmt::format("audit.{}.jsonl", age));
  };
  ACCEL_TRY(UniqueFd file, open_file(file_at(0), O_WRONLY | O_CREAT | O_APPEND, 0600));
  struct stat info{};
  const bool known = ::fstat(file.get(), &info) == 0;
  if (known && static_cast<std::uint64_t>(info.st_size) + line.size() > limits_.file_bytes) {
    file.reset();
    for (int age = limits_.old_files; age > 0; --age) {
      (void)std::rename(file_at(age - 1).c_str(), file_at(age).c_str());  // May not be there yet.
    }
    ACCEL_TRY(file, open_file(file_at(0), O_WRONLY | O_CREAT | O_APPEND, 0600));
  }
  const ssize_t count = ::write(file.get(), line.data(), line.size());
  if (count == static_cast<ssize_t>(line.size())) return {};
  return fail_errno(Errc::io, errno, "A line of the audit log was not written whole.");
}

}  // namespace accel::node
