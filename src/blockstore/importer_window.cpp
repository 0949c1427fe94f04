// SPDX-License-Identifier: Apache-2.0
// The part of the importer that reads many files of a folder at once: the leaves of several files
// fill the hashing lanes, and each thread opens, copies and closes files of its own.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "accel/crypto/sha256_many.hpp"
#include "accel/ipld/file_layout.hpp"
#include "block_reader.hpp"
#include "clone.hpp"
#include "importer.hpp"

namespace accel::blockstore {
namespace {

bool has_equal_slices(const ipld::ImportProfile& profile) {
  return profile.chunking == ipld::Chunking::fixed && profile.shape == ipld::FileShape::balanced;
}

// A file of more leaves fills the lanes of all CPUs by itself. At least as many as make it worth
// while to go from file to file, on CPUs without lanes too.
std::size_t most_leaves() { return std::max<std::size_t>(crypto::sha256_many_width(), 8); }

}  // namespace

Result<Importer::Window> Importer::hash_ahead(std::span<const std::filesystem::path> entries) {
  Window window(entries.size());
  ACCEL_TRY(const std::vector<Ahead> files, plan_ahead(entries));
  if (files.size() < 2) return window;
  std::size_t leaves = 0;
  std::uint64_t bytes = 0;
  for (const Ahead& file : files) {
    leaves += file.leaves;
    bytes += file.bytes;
  }
  if (owns_copies())
    ACCEL_CHECK(require_room(core_.layout.directory, bytes, "copies of the files"));
  const std::size_t a_group =
      std::clamp<std::size_t>(leaves / core_.hashing->workers(), 1, most_leaves());
  std::vector<std::span<const Ahead>> groups;
  for (std::size_t begin = 0; begin < files.size();) {
    std::size_t end = begin + 1;
    for (std::size_t filled = files[begin].leaves; end < files.size(); ++end) {
      filled += files[end].leaves;
      if (filled > a_group) break;
    }
    groups.push_back(std::span(files).subspan(begin, end - begin));
    begin = end;
  }
  std::array<std::unique_ptr<LeafBatch>, HashPool::kMaxWorkers> batches;
  const HashPool::Body body = [&](std::size_t worker, std::size_t index) {
    auto& batch = batches[worker];
    if (batch == nullptr) batch = std::make_unique<LeafBatch>(options_.profile, most_leaves());
    return hash_group(groups[index], *batch, window);
  };
  ACCEL_CHECK(core_.hashing->for_each(groups.size(), body, options_.stop));
  files_ += files.size();
  return window;
}

// What goes to a pack, is no file or is large is added when its turn comes.
Result<std::vector<Importer::Ahead>> Importer::plan_ahead(
    std::span<const std::filesystem::path> entries) {
  std::vector<Ahead> files;
  if (options_.take_over || !has_equal_slices(options_.profile)) return files;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    struct stat info{};
    if (::lstat(entries[i].c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    Ahead file{.index = i, .path = entries[i], .bytes = static_cast<std::uint64_t>(info.st_size)};
    file.leaves = LeafPlan(options_.profile, file.bytes).size();
    if (goes_to_a_pack(file.leaves, file.bytes, meta_of(info))) continue;
    if (file.leaves > most_leaves()) continue;
    files.push_back(std::move(file));
  }
  if (files.size() < 2 || !owns_copies()) return files;
  for (Ahead& file : files) {
    ACCEL_TRY(file.copy, session_->new_file_path());
    core_.step("file.copy");
  }
  return files;
}

Status Importer::hash_group(std::span<const Ahead> group, LeafBatch& batch, Window& window) {
  for (const Ahead& file : group) {
    auto read = read_ahead(file, window[file.index], batch);
    if (read) continue;
    if (read.error().code == Errc::corrupt) return changed(file.path);  // It became shorter.
    return read;
  }
  batch.hash();
  return {};
}

// Open no longer than it takes, so that a group costs one file's descriptors.
Status Importer::read_ahead(const Ahead& file, std::optional<Hashed>& hashed, LeafBatch& batch) {
  if (options_.stop.stop_requested()) return fail(Errc::cancelled, "The add was stopped.");
  ACCEL_TRY(const OpenSource source, open_source(file.path));
  if (source.stamp.size != file.bytes) return changed(file.path);
  const LeafPlan plan(options_.profile, file.bytes);
  hashed.emplace(
      Hashed{source.stamp, source.meta, plan, {options_.profile, file.leaves}, file.copy});
  HashJob job;
  job.profile = &options_.profile;
  job.plan = &plan;
  job.source_fd = source.fd.get();
  job.file_bytes = file.bytes;
  job.on_leaf = [&](std::uint64_t leaf_bytes) { count(leaf_bytes, file.path); };
  UniqueFd copy;
  if (!file.copy.empty()) {
    ACCEL_TRY(copy, open_file(file.copy, O_RDWR | O_CREAT | O_EXCL));
    if (clone_file(source.fd.get(), copy.get())) {
      job.source_fd = copy.get();
    } else {
      ACCEL_CHECK(reserve_space(copy.get(), 0, file.bytes));
      job.copy_fd = copy.get();
    }
  }
  for (std::size_t leaf = 0; leaf < file.leaves; ++leaf) {
    ACCEL_CHECK(batch.read(job, leaf, hashed->digests));
  }
  if (job.copy_fd >= 0) begin_write_back(job.copy_fd, 0, file.bytes);
  ACCEL_CHECK(check_unchanged(file.path, source));
  if (!copy) return {};
  return seal(copy).map([&](const FileStamp& stamp) { hashed->copy_stamp = stamp; });
}

}  // namespace accel::blockstore
