// SPDX-License-Identifier: Apache-2.0
#pragma once
// Power loss, simulated: the disk seam records every call that changes the store's folder, and an
// image of the folder is made as a disk could hold it after a loss at any of these calls: what was
// synced, and of the rest nothing, everything, or a part.
// The model is POSIX's, not that of one file system: data of a file is safe after fsync or
// fdatasync of that file, a name after fsync of its folder; a rename is one step. What is not
// synced is lost or kept write by write; names are kept in the order in which they were made.

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "accel/core/bytes.hpp"
#include "accel/core/random.hpp"

namespace accel::blockstore::test {

enum class Survives : std::uint8_t { none, all, some };

struct LossPolicy {
  Survives data = Survives::none;
  Survives names = Survives::none;
};

class DiskRecorder {
 public:
  // Everything that is in the folder now counts as synced. One recorder at a time.
  explicit DiskRecorder(std::filesystem::path folder);
  ~DiskRecorder();
  DiskRecorder(const DiskRecorder&) = delete;
  DiskRecorder& operator=(const DiskRecorder&) = delete;

  void stop();  // Records no more.
  std::size_t steps() const { return log_.size(); }
  std::string describe(std::size_t step) const;
  // Makes `image` what the folder is after a loss right before this step (steps(): at the end).
  void make_image(std::size_t step, LossPolicy policy, Random& random,
                  const std::filesystem::path& image) const;

  // Called by the seam, after the call has succeeded.
  void on_create(const std::string& path);
  void on_folder(const std::string& path);
  void on_write(int fd, ByteView bytes, std::uint64_t offset);
  void on_resize(int fd, std::uint64_t bytes);
  void on_sync(int fd);
  void on_sync_all();
  void on_rename(const std::string& from, const std::string& to);
  void on_unlink(const std::string& path);

  static DiskRecorder* current();

 private:
  enum class Kind : std::uint8_t {
    create,
    folder,
    write,
    resize,
    sync,
    sync_folder,
    sync_all,
    rename,
    unlink
  };
  struct Step {
    Kind kind = Kind::write;
    int file = -1;
    std::string path{}, to{};
    std::uint64_t offset = 0;  // Or the new size.
    Bytes bytes{};
    bool safe = false;  // Synced by itself (O_DSYNC).
  };
  struct Disk {
    std::map<std::string, int> names;  // Relative to the folder; -1: a folder.
    std::map<int, Bytes> files;
  };
  bool inside(const std::string& path) const;
  std::string relative(const std::string& path) const;
  int file_of(int fd) const;
  bool is_name(const Step& step) const;
  bool is_data(const Step& step) const;
  bool is_safe(std::size_t at, std::size_t end) const;
  static void apply(const Step& step, Disk& disk);

  std::filesystem::path folder_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, int> by_inode_;
  std::vector<Step> log_;
  Disk start_;
  int next_file_ = 0;
  bool recording_ = true;
};

}  // namespace accel::blockstore::test
