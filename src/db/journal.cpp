// SPDX-License-Identifier: Apache-2.0
// The journal's writer.
#include "accel/db/journal.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "accel/core/file.hpp"
#include "journal_files.hpp"
#include "journal_line.hpp"

namespace accel::db {

struct Journal::Impl {
  Impl(std::filesystem::path folder, const Clock& time, Random& source)
      : directory(std::move(folder)), clock(time), random(source) {}

  // The file gets its lock before it gets its name: an ingester never sees it without its writer.
  Status start_file() {
    std::string name = fmt::format("{}-{}", new_record_id(clock, random), ::getpid());
    std::erase(name, ':');
    const std::filesystem::path hidden = directory / (std::string(detail::kHiddenPrefix) + name);
    const std::filesystem::path shown = directory / (name + std::string(detail::kJournalSuffix));
    ACCEL_TRY(UniqueFd file, open_file(hidden, O_WRONLY | O_CREAT | O_EXCL | O_APPEND));
    const bool locked = ::flock(file.get(), LOCK_EX | LOCK_NB) == 0;
    if (!locked || ::rename(hidden.c_str(), shown.c_str()) != 0) {
      const int error = errno;
      ::unlink(hidden.c_str());
      return fail_errno(errc_from_errno(error), error,
                        fmt::format("Cannot make the journal file {}.", shown.string()));
    }
    ACCEL_CHECK(sync_directory(directory));
    fd = std::move(file);
    size = 0;
    return {};
  }

  Status write_line(std::string line) {
    line += '\n';
    if (!fd || size + line.size() > kMaxJournalFileBytes) ACCEL_CHECK(start_file());
    Status status = write_all(line);
    if (status) status = sync_file(fd.get());
    if (status) {
      size += line.size();
      return {};
    }
    // A piece of a line must not spoil the next one; if it can't be cut off, the file is given up.
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) fd.reset();
    return status;
  }

  Status write_all(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t put = ::write(fd.get(), text.data(), text.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) {
        return fail_errno(errc_from_errno(errno), errno,
                          fmt::format("Cannot append to the journal in {}.", directory.string()));
      }
      text.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }

  std::filesystem::path directory;
  const Clock& clock;
  Random& random;
  std::mutex mutex;
  UniqueFd fd;             // Guarded by mutex, as is size. Locked as long as it is open.
  std::uint64_t size = 0;  // Of whole lines.
};

std::string new_record_id(const Clock& clock, Random& random) {
  return fmt::format("{}-{}", to_rfc3339(clock.wall_now()), random_hex(random, 8));
}

Result<std::unique_ptr<Journal>> Journal::open(const std::filesystem::path& directory,
                                               const Clock& clock, Random& random) {
  ACCEL_CHECK(make_directories(directory));
  return std::make_unique<Journal>(Passkey{}, std::make_unique<Impl>(directory, clock, random));
}

Journal::Journal(Passkey, std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Journal::~Journal() = default;

Status Journal::append(const JournalRecord& record) {
  const std::string now = to_rfc3339(impl_->clock.wall_now());
  ACCEL_TRY(std::string line, detail::format_journal_line(record, now));
  const std::scoped_lock lock(impl_->mutex);
  return impl_->write_line(std::move(line));
}

}  // namespace accel::db
