// SPDX-License-Identifier: Apache-2.0
// What a client may send as traceparent (the first line) and tracestate (the rest): what is taken
// is written as it was read, and what is passed on can break no header.
#include <accel/core/trace.hpp>
#include <algorithm>
#include <cstdlib>

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(text.find('\n'), size);
  const std::string_view parent = text.substr(0, end);
  if (const auto context = trace::parse_traceparent(parent)) {
    const std::string written = trace::traceparent_of(*context);
    const auto again = trace::parse_traceparent(written);
    if (!again || trace::traceparent_of(*again) != written) std::abort();
    if (written.substr(3, 49) != parent.substr(3, 49)) std::abort();
  }
  const std::string state = trace::checked_tracestate(text.substr(std::min(end + 1, size)));
  if (state.size() > trace::kMaxTracestateBytes) std::abort();
  const auto breaks = [](char c) { return (c < 0x20 && c != '\t') || c > 0x7e; };
  if (std::ranges::any_of(state, breaks)) std::abort();
  if (trace::checked_tracestate(state) != state) std::abort();
  return 0;
}
