// SPDX-License-Identifier: Apache-2.0
#include "accel/core/run_delay.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <string_view>

namespace accel {
namespace {

// "nanoseconds on a CPU, nanoseconds waiting for one, turns"; stays open as long as its thread.
class Schedstat {
 public:
  Schedstat() : fd_(::open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC)) {}
  ~Schedstat() {
    if (fd_ >= 0) ::close(fd_);
  }
  Schedstat(const Schedstat&) = delete;
  Schedstat& operator=(const Schedstat&) = delete;

  Duration waited() const {
    char text[96];
    const ssize_t size = fd_ < 0 ? -1 : ::pread(fd_, text, sizeof text, 0);
    const std::string_view line(text, size < 0 ? 0 : static_cast<std::size_t>(size));
    const std::size_t space = line.find(' ');
    Duration::rep ns = 0;
    if (space != std::string_view::npos)
      std::from_chars(line.data() + space + 1, line.data() + line.size(), ns);
    return Duration(ns);
  }

 private:
  int fd_;
};

}  // namespace

Duration thread_run_delay() {
  thread_local const Schedstat schedstat;
  return schedstat.waited();
}

}  // namespace accel
