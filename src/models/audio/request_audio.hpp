// SPDX-License-Identifier: Apache-2.0
#pragma once
// The recording of a request, at a rate that its model takes. Private to models; thread-safe.

#include "audio/audio_file.hpp"

namespace accel::models {

// At its own rate where that is one of `rates`, else brought to the first of them. Errors:
// invalid_argument (cut off, damaged, too long: the same file never fits), unsupported,
// unavailable, internal.
Result<Audio> request_audio(ByteView file, std::span<const std::uint32_t> rates);

}  // namespace accel::models
