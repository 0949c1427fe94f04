// SPDX-License-Identifier: Apache-2.0
#pragma once
// Copies of files: they share their blocks on disk where the file system can (btrfs, XFS, bcachefs,
// overlays of these), else they reach it while they are made. Private to blockstore. Thread-safe:
// plain functions.

#include <cstdint>
#include <stop_token>

#include "accel/core/bytes.hpp"
#include "accel/core/result.hpp"

namespace accel::blockstore {

// Makes the empty file `target` a clone of `source`; false where that cannot be done.
bool clone_file(int source, int target);

// Asks for the disk blocks of a part of a file before it is written: a quarter less work for the
// system than to look for them page by page, and they lie beside each other. The file's size stays.
// Does nothing where the file system cannot. Errors: resource_exhausted.
Status reserve_space(int target, std::uint64_t offset, std::uint64_t bytes);

// The disk begins to take this part now (bytes 0: up to the end), so that the sync at the end has
// less to wait for. Makes nothing durable.
void begin_write_back(int target, std::uint64_t offset, std::uint64_t bytes);

// Copies `bytes` from the start of one file to the other, inside the kernel where it can.
// Errors: resource_exhausted, corrupt (the source ends early), cancelled, io.
Status copy_bytes(int source, int target, std::uint64_t bytes, const std::stop_token& stop);

// Writes all of it to a file, pipe or socket, from its current position on.
Status write_all(int target, ByteView bytes);
}  // namespace accel::blockstore
