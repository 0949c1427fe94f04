// SPDX-License-Identifier: Apache-2.0
#pragma once
// What goes into the store's calls. Plain values. Used by exchange, gateway, node and bench.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "accel/core/clock.hpp"
#include "accel/ipld/cid.hpp"
#include "accel/ipld/profile.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::blockstore {

inline constexpr std::size_t kMaxCachedBlockBytes = 64U << 10U;  // Larger ones are not kept.

struct StoreOptions {
  std::filesystem::path directory = {};  // home/store; made when it is missing, unless read_only.
  bool read_only = false;                // Nothing is written: no leases, no repairs.
  // Address space of the index at first; it grows by itself when it is full.
  std::uint64_t map_size = 256ULL << 20U;
  unsigned hash_threads = 0;  // For add() and verify(); 0: the CPUs this process may use.
  const Clock* clock = &system_clock();  // Dates of pins, last uses.
  // Before more is stored, what nothing keeps is freed, longest unused first; 0: no limit.
  std::uint64_t max_bytes = 0;
  std::uint64_t cache_bytes = 0;  // Of memory for small blocks; 0: none.
  // Told before each step that changes the disk ("pack.append", "file.rename", …): tests kill the
  // process there. Called on the thread that works; must not call the store.
  std::function<void(std::string_view step)> on_step = {};
};

struct AddProgress {
  std::uint64_t bytes_done = 0;
  std::uint64_t bytes_total =
      0;                       // Of all files below the path, as they were found before the start.
  std::filesystem::path path;  // The file at work.
};

struct AddOptions {
  ipld::ImportProfile profile = ipld::unixfs_v1_2025();
  bool only_hash = false;  // Computes the CID and stores nothing.
  bool reference = false;  // Leaves the files where they are; they must stay as they are.
  // The files are the caller's own and go after this: they are linked into the store where the file
  // system can, instead of copied, and become read-only.
  bool take_over = false;
  bool hidden = false;  // Takes entries whose name starts with a dot too (the path itself always).
  bool wrap = false;    // Puts what is added into a folder of its own, under its name.
  // Keeps permissions and modification times of files and folders, and the times of links, in the
  // blocks (UnixFS 1.5). A file of one leaf then lies in a pack, also with `reference`.
  bool preserve_mode = false;
  bool preserve_mtime = false;
  // The same of everything that is added, in the place of what the disk says.
  ipld::UnixFsMeta meta = {};
  bool dereference = false;  // Adds what symbolic links lead to instead of the links.
  bool is_private = false;   // Never served, never announced.
  std::string name = {};     // Of the pin; empty: the last part of the path.
  std::stop_token stop = {};
  // About every 8 MiB; from the store's threads, one call at a time.
  std::function<void(const AddProgress&)> on_progress = {};
};

// Of put() and begin_file(): what a private pull brings is hidden from its first block on.
struct PutOptions {
  bool is_private = false;
  std::stop_token stop = {};  // begin_file() looks at it while it hashes and copies.
  bool in_part = false;  // begin_file(): not all of it is coming, so room for all is not asked for.
};

struct PinOptions {
  std::string name = {};
  bool is_private = false;
  // A root that is pinned already stays private, keeps its date, its name if none is given, and
  // what it links to. Without, the new pin replaces the old one.
  bool merge = false;
  bool direct = false;  // Keeps this block alone, not what it links to.
  // For a DAG that others made: it may link to what is private here, and must not show it. Then the
  // pin is private, too.
  bool keep_hidden = false;
};

struct ExportOptions {
  bool overwrite = false;  // Replaces files that are there; folders are merged into.
  // Makes links that are absolute or lead out of the folder too; refused otherwise.
  bool outside_links = false;
  std::stop_token stop = {};
  std::function<void(std::uint64_t bytes_done)> on_progress = {};
};

struct GcOptions {
  bool dry_run = false;
  bool abandoned_partials = false;  // Also removes partial files that nobody fetches now.
  // Frees about so much and keeps the rest, what was used longest ago first; 0: everything.
  std::uint64_t free_bytes = 0;
  std::stop_token stop = {};
};

struct VerifyOptions {
  std::uint64_t sample_blocks = 0;     // About so many blocks, picked at random; 0: all.
  double sample_percent = 0;           // The same as a share.
  std::optional<ipld::Cid> root = {};  // Only what it reaches.
  // Forgets places whose bytes are not the block: nobody is given them, they count as missing.
  bool distrust = false;
  std::uint64_t bytes_per_second = 0;  // In the background: on one thread; 0: as fast as it goes.
  std::stop_token stop = {};
  std::function<void(std::uint64_t blocks_done, std::uint64_t bytes_done)> on_progress = {};
};

}  // namespace accel::blockstore
