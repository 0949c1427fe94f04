// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether an Ogg file has the whole head of its stream. libsndfile 1.2 keeps for ever what it has
// read of a Vorbis head that does not come to its end, comments of many megabytes among it, so such
// a file must not get there. Private to models; a pure function over bytes from anywhere.

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::models {

// The pages of the first stream, up to the last packet of the head that its codec has (of other
// codecs than Vorbis and Opus: its first packet), follow one another without a gap, and their
// checksums are right. Stricter than libogg, which skips what is no page. Errors: corrupt.
Status check_ogg_head(ByteView file);

}  // namespace accel::models
