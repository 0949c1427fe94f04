// SPDX-License-Identifier: Apache-2.0
#include "request_counters.hpp"

#include <algorithm>
#include <string>

#include "accel/core/process.hpp"

namespace accel::server {
namespace {

struct Kind {
  std::string_view prefix, name;
};

// The first prefix that fits tells the protocol; the last one fits every path.
constexpr std::array<Kind, 7> kKinds{{
    {"/v1/", "openai"},
    {"/v2", "oip"},
    {"/inference.", "grpc"},
    {"/api/v1/", "methods"},
    {"/api/v0/", "kubo"},
    {"/api/", "ollama"},
    {"", "other"},
}};
constexpr std::array<std::string_view, 4> kStatuses{"2xx", "3xx", "4xx", "5xx"};

}  // namespace

RequestCounters::RequestCounters()
    : resident_(metrics_.gauge("process_resident_memory_bytes",
                               "Memory of this process that is in RAM")) {
  static_assert(kKinds.size() == kProtocols);
  for (std::size_t kind = 0; kind < kProtocols; ++kind) {
    const std::string protocol(kKinds[kind].name);
    counters_[kind].seconds =
        &metrics_.histogram("accel_api_answer_seconds",
                            "From a complete request (over gRPC from its head) to the head of its "
                            "answer; a streamed text's head goes with its first piece",
                            {{"protocol", protocol}});
    for (std::size_t status = 0; status < kStatuses.size(); ++status) {
      counters_[kind].by_status[status] =
          &metrics_.counter("accel_api_requests_total", "Requests that the API answered",
                            {{"protocol", protocol}, {"status", std::string(kStatuses[status])}});
    }
  }
}

RequestCounters::Counters& RequestCounters::add(std::string_view path, int status) {
  const auto* const kind = std::ranges::find_if(
      kKinds, [&](const Kind& candidate) { return path.starts_with(candidate.prefix); });
  Counters& counters = counters_[static_cast<std::size_t>(kind - kKinds.data())];
  const int row = std::clamp(status / 100 - 2, 0, static_cast<int>(kStatuses.size()) - 1);
  counters.by_status[static_cast<std::size_t>(row)]->add();
  return counters;
}

void RequestCounters::count(std::string_view path, int status, Duration time) {
  add(path, status).seconds->observe(std::chrono::duration<double>(time).count());
}

void RequestCounters::count_refusal(std::string_view path, int status) { add(path, status); }

std::string RequestCounters::text() {
  resident_.set(static_cast<double>(resident_bytes()));
  return metrics_.prometheus_text();
}

}  // namespace accel::server
