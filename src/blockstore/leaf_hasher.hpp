// SPDX-License-Identifier: Apache-2.0
#pragma once
// Reads a file leaf by leaf on all CPUs, hashes each leaf and, if asked, writes it to a copy in the
// same pass, which the disk begins to take at once. Memory: as many leaves a thread as the CPU has
// lanes for (16 MiB at most with leaves of 1 MiB), and the digest of each leaf of the file.
// Private to blockstore; used by the importer.

#include "hash_pool.hpp"
#include "leaf_batch.hpp"

namespace accel::blockstore {

// How many leaves one thread takes at a time: full lanes, unless that would leave threads without
// any.
std::size_t leaves_a_batch(HashPool& pool, std::size_t leaves);

// Errors: corrupt (the file ends early), cancelled, resource_exhausted (no room for the copy), io.
Result<LeafDigests> hash_leaves(HashPool& pool, const HashJob& job);

}  // namespace accel::blockstore
