// SPDX-License-Identifier: Apache-2.0
#pragma once
// Recordings in whatever file: WAV by wav.hpp; FLAC, Ogg (Vorbis, Opus) and MP3 by libsndfile,
// which is loaded when such a file comes first. Private to models; thread-safe; files may come from
// anywhere: what a file is, is told by its first bytes, and only these decoders are reached.

#include "audio/wav.hpp"

namespace accel::models {

// Of one file, mono at its own rate: over an hour at 16 kHz, 23 minutes at 48; 256 MiB.
constexpr std::size_t kMaxDecodedSamples = 64U << 20U;

// Mono samples from -1 to 1 at the file's own rate. Errors: unsupported (none of these formats),
// unavailable (libsndfile is not installed: names the package), corrupt (cut off, damaged, no
// samples, a sample that is not finite), resource_exhausted (more than kMaxDecodedSamples).
Result<Audio> read_audio(ByteView file);

}  // namespace accel::models
