// SPDX-License-Identifier: Apache-2.0
// Any bytes as the form of a transcription: it becomes a run of a named model, or a refusal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "protocols/openai_audio.hpp"

using namespace accel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto wish = server::openai::transcription_request("multipart/form-data; boundary=b", body);
  if (!wish) return 0;
  const auto& params = wish->run.params;
  if (params.value("model", "").empty() || params.value("audio", "").empty()) std::abort();
  return 0;
}
