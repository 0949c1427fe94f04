// SPDX-License-Identifier: Apache-2.0
#include "power_loss.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>

#include "accel/core/file.hpp"

namespace accel::blockstore::test {
namespace {

namespace fs = std::filesystem;

std::atomic<DiskRecorder*> recorder{nullptr};

std::string parent_of(const std::string& path) { return fs::path(path).parent_path().string(); }

std::uint64_t inode_of(const fs::path& path) {
  struct stat info{};
  return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

}  // namespace

DiskRecorder* DiskRecorder::current() { return recorder.load(); }

DiskRecorder::DiskRecorder(fs::path folder) : folder_(std::move(folder)) {
  for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
    const std::string name = relative(entry.path().string());
    start_.names[name] = -1;
    if (!entry.is_regular_file()) continue;
    const int file = next_file_++;
    start_.names[name] = file;
    start_.files[file] = read_file(entry.path(), 1ULL << 32U).value_or(Bytes{});
    by_inode_[inode_of(entry.path())] = file;
  }
  recorder = this;
}

DiskRecorder::~DiskRecorder() { stop(); }

void DiskRecorder::stop() {
  if (recorder.load() == this) recorder = nullptr;
  const std::scoped_lock lock(mutex_);
  recording_ = false;
}

bool DiskRecorder::inside(const std::string& path) const {
  return recording_ && path.starts_with(folder_.string() + "/");
}

std::string DiskRecorder::relative(const std::string& path) const {
  return path.size() <= folder_.string().size() ? std::string()
                                                : path.substr(folder_.string().size() + 1);
}

int DiskRecorder::file_of(int fd) const {
  struct stat info{};
  if (!recording_ || ::fstat(fd, &info) != 0) return -1;
  const auto found = by_inode_.find(info.st_ino);
  return found == by_inode_.end() ? -1 : found->second;
}

void DiskRecorder::on_create(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (!inside(path)) return;
  const int file = next_file_++;
  by_inode_[inode_of(path)] = file;
  log_.push_back({.kind = Kind::create, .file = file, .path = relative(path)});
}

void DiskRecorder::on_folder(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (inside(path)) log_.push_back({.kind = Kind::folder, .path = relative(path)});
}

void DiskRecorder::on_write(int fd, ByteView bytes, std::uint64_t offset) {
  const std::scoped_lock lock(mutex_);
  const int file = file_of(fd);
  if (file < 0) return;
  const bool safe = (::fcntl(fd, F_GETFL) & O_DSYNC) != 0;
  log_.push_back({.kind = Kind::write,
                  .file = file,
                  .offset = offset,
                  .bytes = to_bytes(bytes),
                  .safe = safe});
}

void DiskRecorder::on_resize(int fd, std::uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  const int file = file_of(fd);
  if (file >= 0) log_.push_back({.kind = Kind::resize, .file = file, .offset = bytes});
}

void DiskRecorder::on_sync(int fd) {
  const std::scoped_lock lock(mutex_);
  struct stat info{};
  if (!recording_ || ::fstat(fd, &info) != 0) return;
  if (S_ISDIR(info.st_mode)) {
    const auto path = fs::read_symlink(fmt::format("/proc/self/fd/{}", fd)).string();
    if (path == folder_.string() || inside(path)) {
      log_.push_back({.kind = Kind::sync_folder, .path = relative(path)});
    }
    return;
  }
  const int file = file_of(fd);
  if (file >= 0) log_.push_back({.kind = Kind::sync, .file = file});
}

void DiskRecorder::on_sync_all() {
  const std::scoped_lock lock(mutex_);
  if (recording_) log_.push_back({.kind = Kind::sync_all});
}

void DiskRecorder::on_rename(const std::string& from, const std::string& to) {
  const std::scoped_lock lock(mutex_);
  if (!inside(to)) return;
  const auto found = by_inode_.find(inode_of(to));
  if (found == by_inode_.end()) return;
  log_.push_back(
      {.kind = Kind::rename, .file = found->second, .path = relative(from), .to = relative(to)});
}

void DiskRecorder::on_unlink(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  if (inside(path)) log_.push_back({.kind = Kind::unlink, .path = relative(path)});
}

std::string DiskRecorder::describe(std::size_t step) const {
  if (step >= log_.size()) return "the end";
  static constexpr const char* kNames[] = {"create",      "folder",   "write",  "resize", "sync",
                                           "sync_folder", "sync_all", "rename", "unlink"};
  const Step& at = log_[step];
  return fmt::format("{} file {} {} {} at {} ({} bytes)", kNames[static_cast<int>(at.kind)],
                     at.file, at.path, at.to, at.offset, at.bytes.size());
}

bool DiskRecorder::is_name(const Step& step) const {
  return step.kind == Kind::create || step.kind == Kind::folder || step.kind == Kind::rename ||
         step.kind == Kind::unlink;
}

bool DiskRecorder::is_data(const Step& step) const {
  return step.kind == Kind::write || step.kind == Kind::resize;
}

// Whether what the step did was synced before the loss.
bool DiskRecorder::is_safe(std::size_t at, std::size_t end) const {
  const Step& step = log_[at];
  if (step.safe) return true;
  const std::string folder = parent_of(step.kind == Kind::rename ? step.to : step.path);
  for (std::size_t i = at + 1; i < end; ++i) {
    const Step& later = log_[i];
    if (later.kind == Kind::sync_all) return true;
    if (is_data(step) && later.kind == Kind::sync && later.file == step.file) return true;
    if (is_name(step) && later.kind == Kind::sync_folder && later.path == folder) return true;
  }
  return false;
}

void DiskRecorder::apply(const Step& step, Disk& disk) {
  switch (step.kind) {
    case Kind::create:
      disk.names[step.path] = step.file;
      break;
    case Kind::folder:
      disk.names[step.path] = -1;
      break;
    case Kind::rename:
      disk.names.erase(step.path);
      disk.names[step.to] = step.file;
      break;
    case Kind::unlink:
      disk.names.erase(step.path);
      break;
    case Kind::write: {
      Bytes& bytes = disk.files[step.file];
      if (bytes.size() < step.offset + step.bytes.size()) {
        bytes.resize(step.offset + step.bytes.size());
      }
      std::ranges::copy(step.bytes, bytes.begin() + static_cast<std::ptrdiff_t>(step.offset));
      break;
    }
    case Kind::resize:
      disk.files[step.file].resize(step.offset);
      break;
    case Kind::sync:
    case Kind::sync_folder:
    case Kind::sync_all:
      break;
  }
}

void DiskRecorder::make_image(std::size_t step, LossPolicy policy, Random& random,
                              const fs::path& image) const {
  Disk disk = start_;
  std::vector<std::size_t> unsafe_names;
  for (std::size_t i = 0; i < step; ++i) {
    if (is_name(log_[i]) && !is_safe(i, step)) unsafe_names.push_back(i);
  }
  std::size_t kept_names = policy.names == Survives::all ? unsafe_names.size() : 0;
  if (policy.names == Survives::some) kept_names = random.below(unsafe_names.size() + 1);
  unsafe_names.resize(kept_names);
  for (std::size_t i = 0; i < step; ++i) {
    bool kept = is_safe(i, step);
    if (!kept && is_name(log_[i])) kept = std::ranges::binary_search(unsafe_names, i);
    if (!kept && is_data(log_[i])) {
      kept =
          policy.data == Survives::all || (policy.data == Survives::some && random.below(2) == 0);
    }
    if (kept) apply(log_[i], disk);
  }
  fs::remove_all(image);
  fs::create_directories(image);
  for (const auto& [name, file] : disk.names) {  // Folders come before what is in them.
    if (!fs::is_directory((image / name).parent_path())) continue;  // Lost with its folder.
    if (file < 0) {
      fs::create_directory(image / name);
      continue;
    }
    const auto fd = open_file(image / name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd) static_cast<void>(pwrite_all(fd->get(), disk.files[file], 0));
  }
}

}  // namespace accel::blockstore::test
