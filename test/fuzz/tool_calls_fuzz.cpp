// SPDX-License-Identifier: Apache-2.0
// What a model writes, cut anywhere: words and calls only grow. And what a client calls a schema of
// a tool: it becomes a part of one that is checked, or is refused.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "llama/schema_check.hpp"
#include "llama/tagged_calls.hpp"

using namespace accel::inference;

namespace {

bool grew(const Answer& before, const Answer& now) {
  if (!now.content.starts_with(before.content) || now.calls.size() < before.calls.size())
    return false;
  for (std::size_t i = 0; i < before.calls.size(); ++i) {
    const ToolCall &was = before.calls[i], &is = now.calls[i];
    if (was.name != is.name || !is.arguments.starts_with(was.arguments)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const llama::TaggedCalls format;
  Answer before;
  const std::size_t step = std::max<std::size_t>(1, size / 64);
  for (std::size_t cut = 0; cut <= size; cut += step) {
    Answer now = format.read(text.substr(0, cut), true);
    if (!grew(before, now) || now.calls.size() > llama::kMaxCalls) std::abort();
    before = std::move(now);
  }
  if (!grew(before, format.read(text, true))) std::abort();
  const std::vector<ToolDefinition> tools{{"f", "", std::string(text)}};
  const auto schema = llama::call_schema(tools);
  if (schema && !text.empty())
    static_cast<void>(llama::check_schema(*schema, llama::Enforce::what_can_be));
  return 0;
}
