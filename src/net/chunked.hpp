// SPDX-License-Identifier: Apache-2.0
#pragma once
// A fact about chunked bodies (RFC 9112 section 7.1) that both parsers need.

#include <cstddef>

namespace accel::net {

// Whatever is still to come at a chunk's header is at least "0 CRLF CRLF". Beast 1.81 asserts it
// when it is asked again after it needed more, though fewer bytes may have arrived: found by the
// fuzzer. So nobody asks again with fewer.
inline constexpr std::size_t kMinChunkedRest = 5;

}  // namespace accel::net
