// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs store_child.cpp, the program that tests kill, starve and run side by side.

#include <spawn.h>
#include <sys/wait.h>
#include <csignal>

#include <string>
#include <vector>

#ifndef ACCEL_STORE_CHILD
#error "ACCEL_STORE_CHILD must name the child program (CMakeLists.txt)"
#endif

extern char** environ;

namespace accel::blockstore::test {

class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ACCEL_STORE_CHILD);
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    if (::posix_spawn(&pid_, ACCEL_STORE_CHILD, nullptr, nullptr, raw.data(), environ) != 0) {
      pid_ = -1;
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) {
      kill();
      wait();
    }
  }

  void kill() const { ::kill(pid_, SIGKILL); }
  // Its exit status; 128 + the signal that ended it; -1 if it never ran.
  int wait() {
    if (pid_ <= 0) return -1;
    int status = 0;
    if (::waitpid(pid_, &status, 0) != pid_) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  pid_t pid_ = -1;
};

inline constexpr int kKilled = 128 + SIGKILL;

inline int run_child(std::vector<std::string> arguments) {
  return Child(std::move(arguments)).wait();
}

}  // namespace accel::blockstore::test
