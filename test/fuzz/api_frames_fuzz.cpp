// SPDX-License-Identifier: Apache-2.0
#include "accel/server/api_frames.hpp"

// The first byte chooses the size of the pieces in which the rest arrives.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] + 1U;
  accel::server::FrameReader reader(
      {[](const nlohmann::json&) {}, [](accel::ByteView) { return accel::Status{}; }});
  for (std::size_t at = 1; at < size; at += piece) {
    if (!reader.feed({data + at, std::min(piece, size - at)})) return 0;
  }
  (void)reader.finish();
  return 0;
}
