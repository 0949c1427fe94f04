// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the store's tests share: a folder that goes away, files of repeatable bytes, and verbs.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "accel/blockstore/car.hpp"
#include "accel/blockstore/store.hpp"
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/ipld/dag_pb.hpp"
#include "accel/ipld/directory.hpp"
#include "accel/ipld/file_layout.hpp"
#include "accel/ipld/unixfs.hpp"

namespace accel::blockstore::test {

namespace fs = std::filesystem;
inline constexpr std::uint64_t kMiB = 1U << 20U;

class TempDir {
 public:
  TempDir() {
    path_ = fs::temp_directory_path() / ("accel-store-" + random_hex(system_random(), 8));
    fs::create_directories(path_);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

inline Bytes random_bytes(std::uint64_t seed, std::size_t size) {
  Bytes bytes(size);
  SeededRandom(seed).fill(bytes);
  return bytes;
}

// Hands bytes that outlive it over in pieces of at most so many.
inline ByteSource pieces_of(ByteView bytes, std::size_t piece = SIZE_MAX) {
  return [rest = bytes, piece](std::span<std::uint8_t> out) mutable -> Result<std::size_t> {
    const std::size_t size = std::min({rest.size(), piece, out.size()});
    std::copy_n(rest.begin(), size, out.begin());
    rest = rest.subspan(size);
    return size;
  };
}

inline void write_bytes(const fs::path& path, ByteView bytes) {
  fs::create_directories(path.parent_path());
  const auto fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  ASSERT_TRUE(fd.has_value()) << fd.error().to_string();
  ASSERT_TRUE(pwrite_all(fd->get(), bytes, 0).has_value());
}

inline Bytes read_bytes(const fs::path& path) {
  auto bytes = read_file(path, 1ULL << 32U);
  EXPECT_TRUE(bytes.has_value()) << bytes.error().to_string();
  return bytes ? *std::move(bytes) : Bytes{};
}

// Changes one byte of a file, whatever its mode.
inline void flip_byte(const fs::path& path, std::uint64_t offset) {
  struct stat before{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  ::chmod(path.c_str(), 0600);
  const auto fd = open_file(path, O_RDWR);
  ASSERT_TRUE(fd.has_value()) << fd.error().to_string();
  std::uint8_t byte = 0;
  ASSERT_TRUE(pread_all(fd->get(), {&byte, 1}, offset).has_value());
  byte ^= 0x40U;
  ASSERT_TRUE(pwrite_all(fd->get(), {&byte, 1}, offset).has_value());
  ::fchmod(fd->get(), before.st_mode & 07777U);
}

// As a disk would do it: the stat stays what it was.
inline void rot_byte(const fs::path& path, std::uint64_t offset) {
  struct stat before{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  flip_byte(path, offset);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
}

inline std::vector<fs::path> regular_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  return files;
}

// The leaves and node blocks of a file, computed without a store.
struct FileDag {
  ipld::Cid root;
  std::vector<LeafSlot> slots;
  std::vector<Bytes> leaves;  // Blocks.
  std::vector<std::pair<ipld::Cid, Bytes>> nodes;
};

inline FileDag make_dag(const ipld::ImportProfile& profile, ByteView bytes) {
  FileDag dag;
  const auto layout =
      ipld::make_layout(profile, [&](const ipld::Cid& cid, ByteView block) -> Status {
        dag.nodes.emplace_back(cid, to_bytes(block));
        return {};
      });
  for (std::size_t offset = 0; offset < bytes.size(); offset += profile.chunk_size) {
    const ByteView payload =
        bytes.subspan(offset, std::min<std::size_t>(profile.chunk_size, bytes.size() - offset));
    const ipld::Leaf leaf = ipld::make_leaf(profile, payload);
    EXPECT_TRUE(layout->add_leaf(leaf).has_value());
    dag.slots.push_back({leaf.cid, offset, static_cast<std::uint32_t>(payload.size())});
    dag.leaves.push_back(ipld::leaf_block(profile, payload));
  }
  const auto built = layout->finish({});
  EXPECT_TRUE(built.has_value());
  if (built) dag.root = built->root;
  return dag;
}

inline ipld::Cid raw_cid(ByteView block) {
  return ipld::Cid::v1(ipld::Codec::raw, ipld::sha2_256(block));
}

class StoreTest : public ::testing::Test {
 protected:
  fs::path home() const { return dir_.path() / "store"; }
  fs::path work(const std::string& name) const { return dir_.path() / "work" / name; }

  void SetUp() override {
    fs::create_directories(dir_.path() / "work");
    open();
  }

  StoreOptions options() const {
    StoreOptions result;
    result.directory = home();
    result.map_size = 8 * kMiB;
    result.hash_threads = 2;
    return result;
  }

  void open() {
    auto opened = Store::open(options());
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    store_ = *std::move(opened);
  }
  void reopen() {
    store_.reset();
    open();
  }

  // A file with repeatable bytes; returns them.
  Bytes make_file(const std::string& name, std::uint64_t seed, std::size_t size) {
    Bytes bytes = random_bytes(seed, size);
    write_bytes(work(name), bytes);
    return bytes;
  }
  AddedRoot add(const std::string& name, const AddOptions& how = {}) {
    auto added = store_->add(work(name), how);
    EXPECT_TRUE(added.has_value()) << added.error().to_string();
    return added ? *added : AddedRoot{};
  }
  Bytes cat(const ipld::Cid& root, std::uint64_t offset = 0, std::uint64_t length = UINT64_MAX) {
    Bytes out;
    const Status done = store_->read(root, offset, length, [&](ByteView bytes) -> Status {
      out.insert(out.end(), bytes.begin(), bytes.end());
      return {};
    });
    EXPECT_TRUE(done.has_value()) << done.error().to_string();
    return out;
  }
  GcReport gc(const GcOptions& how = {}) {
    auto report = store_->gc(how);
    EXPECT_TRUE(report.has_value()) << report.error().to_string();
    return report ? *report : GcReport{};
  }
  void expect_sound() {
    const auto report = store_->verify({});
    ASSERT_TRUE(report.has_value()) << report.error().to_string();
    for (const BadBlock& bad : report->bad) {
      ADD_FAILURE() << bad.cid << " in " << bad.place << ": " << bad.message;
    }
  }
  fs::path only_pack() const {
    const auto packs = regular_files(home() / "packs");
    EXPECT_EQ(packs.size(), 1U);
    return packs.empty() ? fs::path() : packs.front();
  }

  TempDir dir_;
  std::unique_ptr<Store> store_;
};

#define EXPECT_ERRC(result, errc)                                                        \
  do {                                                                                   \
    const auto& expected_error = (result);                                               \
    ASSERT_FALSE(expected_error.has_value()) << "succeeded, but " #errc " was expected"; \
    EXPECT_EQ(expected_error.error().code, errc) << expected_error.error().to_string();  \
  } while (false)

}  // namespace accel::blockstore::test
