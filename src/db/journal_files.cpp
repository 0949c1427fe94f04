// SPDX-License-Identifier: Apache-2.0
#include "journal_files.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

#include "accel/db/journal.hpp"

namespace accel::db::detail {
namespace {

constexpr std::size_t kReadBytes = 64U << 10U;

}  // namespace

Result<std::vector<std::filesystem::path>> journal_files(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  std::filesystem::directory_iterator entry(directory, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::filesystem::path& path = entry->path();
    if (path.extension() == kJournalSuffix && entry->is_regular_file(error)) files.push_back(path);
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return fail_errno(errc_from_errno(error.value()), error.value(),
                      fmt::format("Cannot read the journal folder {}.", directory.string()));
  }
  std::sort(files.begin(), files.end());  // Names begin with the time.
  return files;
}

Result<JournalFile> JournalFile::open(const std::filesystem::path& path) {
  ACCEL_TRY(UniqueFd fd, open_file(path, O_RDONLY | O_NOFOLLOW));
  JournalFile file(std::move(fd));
  file.writer_gone_ = ::flock(file.fd_.get(), LOCK_EX | LOCK_NB) == 0;
  struct stat info{};
  if (::fstat(file.fd_.get(), &info) != 0) {
    return fail_errno(Errc::io, errno, fmt::format("Cannot stat {}.", path.string()));
  }
  file.size_ = static_cast<std::uint64_t>(info.st_size);
  return file;
}

void JournalFile::start_at(std::uint64_t offset, std::uint64_t lines_before) {
  read_to_ = offset;
  lines_ = lines_before;
  buffer_.clear();
  used_ = 0;
}

Status JournalFile::refill() {
  const std::size_t old = buffer_.size();
  const auto more = static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, size_ - read_to_));
  buffer_.resize(old + more);
  auto* start = reinterpret_cast<std::uint8_t*>(buffer_.data() + old);
  ACCEL_CHECK(pread_all(fd_.get(), {start, more}, read_to_));
  read_to_ += more;
  return {};
}

Result<bool> JournalFile::next(JournalLine& line) {
  line = {};
  buffer_.erase(0, used_);
  used_ = 0;
  std::size_t searched = 0;
  std::size_t end = std::string::npos;
  while ((end = buffer_.find('\n', searched)) == std::string::npos && read_to_ < size_) {
    // Of a line beyond the limit only the length matters.
    if (buffer_.size() > kMaxJournalLineBytes) {
      line.too_long = true;
      buffer_.clear();
    }
    searched = buffer_.size();
    ACCEL_CHECK(refill());
  }
  if (end == std::string::npos && buffer_.empty() && !line.too_long) return false;
  line.torn = end == std::string::npos;
  line.text = buffer_.substr(0, end);
  line.too_long = line.too_long || line.text.size() > kMaxJournalLineBytes;
  used_ = line.torn ? buffer_.size() : end + 1;
  line.end = read_to_ - (buffer_.size() - used_);
  line.number = ++lines_;
  return true;
}

}  // namespace accel::db::detail
