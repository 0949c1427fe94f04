// SPDX-License-Identifier: Apache-2.0
// fork without exec: the child runs code of this program, so that no helper executable has to be
// found beside a library that a Python or another host loaded. glibc makes malloc and the dynamic
// loader usable in the child of a process with threads; the bodies use nothing else that locks.
#include "isolated.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "accel/core/file.hpp"
#include "accel/core/result.hpp"

namespace accel::hardware::detail {
namespace {

constexpr int kReportFd = 3;
constexpr int kThrewExitCode = 70;  // EX_SOFTWARE of sysexits.h
using Length = std::uint64_t;       // Host byte order: both ends are this process.

struct Child {
  pid_t pid = -1;
  UniqueFd report;
  std::string received;
  bool closed = false;

  bool complete() const {
    Length length = 0;
    if (received.size() < sizeof length) return false;
    std::memcpy(&length, received.data(), sizeof length);
    return length <= kMaxIsolatedOutput && received.size() - sizeof length >= length;
  }
};

// --- in the child ---

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

// Nothing of the parent's may be held open, printed to or signalled by vendor code.
void seal_child(int report) {
  for (const int number : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM, SIGINT, SIGCHLD}) {
    ::signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const rlimit no_core{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_core);
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (const int standard : {0, 1, 2}) ::dup2(nowhere, standard);
  if (report != kReportFd) ::dup2(report, kReportFd);
  ::fcntl(kReportFd, F_SETFD, FD_CLOEXEC);
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::close_range(kReportFd + 1, ~0U, 0);
#endif
}

[[noreturn]] void child_main(const IsolatedJob& job, int report) {
  seal_child(report);
  std::string output;
  try {
    output = job.body();
  } catch (...) {  // Vendor code may throw anything; the parent reports it by the exit code.
    ::_exit(kThrewExitCode);
  }
  if (output.size() > kMaxIsolatedOutput) output.resize(kMaxIsolatedOutput);
  const Length length = output.size();
  std::array<char, sizeof length> head{};
  std::memcpy(head.data(), &length, sizeof length);
  write_all(kReportFd, {head.data(), head.size()});
  write_all(kReportFd, output);
  ::_exit(0);  // No exit handlers: they belong to the parent.
}

// --- in the parent ---

Child start(const IsolatedJob& job) {
  int ends[2] = {-1, -1};
#ifdef __linux__
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
#else
  if (::pipe(ends) != 0) return {};
#endif
  Child child;
  child.report = UniqueFd(ends[0]);
  UniqueFd write_end(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  child.pid = ::fork();
  if (child.pid == 0) child_main(job, write_end.get());
  return child;
}

void receive(Child& child) {
  std::array<char, 65536> buffer;
  while (!child.closed && !child.complete()) {
    const ssize_t got = ::read(child.report.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0 || child.received.size() > kMaxIsolatedOutput + sizeof(Length)) {
      child.closed = true;
    } else {
      child.received.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
}

void wait_for_all(std::vector<Child>& children, SteadyTime end) {
  while (true) {
    std::vector<pollfd> waiting;
    for (const Child& child : children) {
      const bool done = child.pid < 0 || child.closed || child.complete();
      if (!done) waiting.push_back({child.report.get(), POLLIN, 0});
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - system_clock().now());
    if (waiting.empty() || left.count() <= 0) return;
    ::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<long>(left.count(), 60'000)));
    for (Child& child : children) {
      if (child.pid >= 0) receive(child);
    }
  }
}

// A child that hangs inside the kernel does not die at once: it is left to the kernel after a
// moment.
std::optional<int> reap(pid_t pid) {
  constexpr int kTries = 50;
  constexpr int kPauseMs = 4;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    int status = 0;
    const pid_t got = ::waitpid(pid, &status, WNOHANG);
    if (got == pid) return status;
    if (got < 0 && errno != EINTR) return std::nullopt;  // Someone else reaps all children.
    ::poll(nullptr, 0, kPauseMs);
  }
  return std::nullopt;
}

std::string describe_death(const IsolatedJob& job, std::optional<int> status) {
  if (status && WIFSIGNALED(*status)) {
    const int number = WTERMSIG(*status);
    const char* name = ::strsignal(number);
    return fmt::format("Loading {} crashed (signal {}: {}). Reinstall or update it.", job.name,
                       number, name == nullptr ? "unknown" : name);
  }
  if (status && WIFEXITED(*status) && WEXITSTATUS(*status) == kThrewExitCode) {
    return fmt::format("Loading {} threw an exception. Reinstall or update it.", job.name);
  }
  return fmt::format("Loading {} ended the process that tried it. Reinstall or update it.",
                     job.name);
}

IsolatedResult collect(const IsolatedJob& job, Child& child, Duration deadline) {
  if (child.pid < 0) {
    return {std::nullopt, fmt::format("No process could be started to try {}.", job.name)};
  }
  const bool complete = child.complete();
  const bool hung = !complete && !child.closed;
  ::kill(child.pid, SIGKILL);  // Changes nothing for one that is already dead.
  const std::optional<int> status = reap(child.pid);
  if (complete) return {child.received.substr(sizeof(Length)), {}};
  if (hung) {
    return {std::nullopt,
            fmt::format("Loading {} did not finish within {:.1f} s and was given up. Check the "
                        "driver (dmesg) or raise the deadline.",
                        job.name, to_ms(deadline) / 1000.0)};
  }
  return {std::nullopt, describe_death(job, status)};
}

}  // namespace

std::vector<IsolatedResult> run_isolated(const std::vector<IsolatedJob>& jobs, Duration deadline) {
  const SteadyTime end = system_clock().now() + deadline;
  std::vector<Child> children;
  children.reserve(jobs.size());
  for (const IsolatedJob& job : jobs) children.push_back(start(job));
  wait_for_all(children, end);
  std::vector<IsolatedResult> results;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    results.push_back(collect(jobs[i], children[i], deadline));
  }
  return results;
}

}  // namespace accel::hardware::detail
