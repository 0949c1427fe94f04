// SPDX-License-Identifier: Apache-2.0
#pragma once
// Input shapes that share one remembered choice. Pure function; used by node and bench.

#include <cstdint>
#include <string>

namespace accel::perf {

// "b1-s16": batch and sequence length, each rounded up to the next bucket. Batches: powers of two.
// Sequences: 16, 32, 64, ... (powers of two from 16 up), where 16 holds everything shorter: below
// it a transformer's cost is dominated by reading its weights. sequence 0 means that the task has
// none: "b4". Within a bucket work differs by at most 2x, and the order of candidates rarely
// changes.
std::string shape_bucket(std::uint64_t batch, std::uint64_t sequence = 0);

}  // namespace accel::perf
