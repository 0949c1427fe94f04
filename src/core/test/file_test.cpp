// SPDX-License-Identifier: Apache-2.0
#include "accel/core/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <optional>

#include "accel/core/lock_wait.hpp"
#include "temp_dir.hpp"

namespace accel {
namespace {

class File : public TempDir {};

TEST_F(File, reads_back_what_was_written_atomically) {
  const auto path = put("a", "hello");
  EXPECT_EQ(content(path), "hello");
  EXPECT_TRUE(write_file_atomic(path, as_bytes("again")));
  EXPECT_EQ(content(path), "again");
}

TEST_F(File, leaves_no_temporary_file_behind) {
  put("a", "hello");
  EXPECT_FALSE(write_file_atomic(dir / "missing" / "b", as_bytes("x")));
  std::filesystem::create_directory(dir / "folder");
  EXPECT_FALSE(write_file_atomic(dir / "folder", as_bytes("x")));  // The rename fails.
  std::size_t entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir))
    entries += !entry.path().empty();
  EXPECT_EQ(entries, 2U);
}

TEST_F(File, writes_atomically_with_the_mode_that_was_asked_for) {
  struct stat info{};
  ASSERT_EQ(::stat(put("secret", "x").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(File, says_which_file_is_missing) {
  const auto missing = read_file(dir / "none", 10);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_NE(missing.error().message.find("none"), std::string::npos);
}

TEST_F(File, refuses_to_read_more_than_the_limit) {
  const auto path = put("big", "12345");
  EXPECT_TRUE(read_file(path, 5));
  EXPECT_EQ(read_file(path, 4).error().code, Errc::resource_exhausted);
}

TEST_F(File, refuses_to_read_what_is_no_regular_file) {
  EXPECT_EQ(read_file(dir, 10).error().code, Errc::invalid_argument);
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(read_file(dir / "pipe", 10).error().code, Errc::invalid_argument);
}

TEST_F(File, reads_and_writes_at_offsets_and_reports_an_early_end) {
  const auto fd = open_file(dir / "f", O_RDWR | O_CREAT);
  ASSERT_TRUE(fd);
  EXPECT_TRUE(pwrite_all(fd->get(), as_bytes("world"), 6));
  Bytes read(5);
  EXPECT_TRUE(pread_all(fd->get(), read, 6));
  EXPECT_EQ(as_text(read), "world");
  EXPECT_EQ(pread_all(fd->get(), read, 7).error().code, Errc::corrupt);
}

TEST_F(File, makes_folders_with_their_parents_and_again) {
  EXPECT_TRUE(make_directories(dir / "a" / "b" / "c"));
  EXPECT_TRUE(make_directories(dir / "a" / "b" / "c"));
  EXPECT_TRUE(std::filesystem::is_directory(dir / "a" / "b" / "c"));
}

TEST_F(File, a_descriptor_has_one_owner) {
  auto opened = open_file(put("a", "x"), O_RDONLY);
  UniqueFd first = std::move(*opened);
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT: the point of the test.
  EXPECT_EQ(second.get(), number);
  second.reset();
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
}

TEST_F(File, descriptors_are_not_inherited_by_programs) {
  const auto fd = open_file(put("a", "x"), O_RDONLY);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(File, maps_files_and_knows_the_empty_one) {
  const auto map = MappedFile::open(put("a", "mapped"));
  EXPECT_EQ(as_text(map->data()), "mapped");
  EXPECT_TRUE(MappedFile::open(put("e", ""))->data().empty());
  EXPECT_EQ(MappedFile::open(dir / "none").error().code, Errc::not_found);
}

TEST_F(File, an_exclusive_lock_keeps_others_out_until_it_goes) {
  const auto lock_path = dir / "lock";
  {
    const auto held = FileLock::acquire(lock_path, FileLock::Mode::exclusive, false);
    ASSERT_TRUE(held);
    EXPECT_EQ(FileLock::acquire(lock_path, FileLock::Mode::shared, false).error().code,
              Errc::unavailable);
  }
  EXPECT_TRUE(FileLock::acquire(lock_path, FileLock::Mode::exclusive, false));
}

TEST_F(File, shared_locks_live_side_by_side) {
  const auto first = FileLock::acquire(dir / "lock", FileLock::Mode::shared, false);
  const auto second = FileLock::acquire(dir / "lock", FileLock::Mode::shared, false);
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
}

TEST_F(File, a_lock_is_waited_for_until_it_is_free_or_the_wait_is_stopped) {
  const auto path = dir / "lock";
  std::optional<FileLock> held = *FileLock::acquire(path, FileLock::Mode::exclusive, false);
  std::stop_source stop;
  auto stopped = std::async(std::launch::async, [&] {
    return wait_for_lock(path, FileLock::Mode::exclusive, stop.get_token());
  });
  auto waiting = std::async(std::launch::async,
                            [&] { return wait_for_lock(path, FileLock::Mode::exclusive, {}); });
  EXPECT_EQ(stopped.wait_for(std::chrono::milliseconds(80)), std::future_status::timeout);
  stop.request_stop();
  const auto none = stopped.get();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, Errc::cancelled);
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(10)), std::future_status::timeout);
  held.reset();
  EXPECT_TRUE(waiting.get());
}

}  // namespace
}  // namespace accel
