// SPDX-License-Identifier: Apache-2.0
#include "isolated.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace accel::hardware::detail {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr Duration kPlenty = std::chrono::seconds(20);

IsolatedResult run_one(std::function<std::string()> body, Duration deadline = kPlenty) {
  return run_isolated({{"the test driver", std::move(body)}}, deadline).front();
}

TEST(Isolated, brings_back_what_each_body_says_in_order) {
  const auto results = run_isolated(
      {{"a", [] { return std::string("first"); }}, {"b", [] { return std::string(); }}}, kPlenty);
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].output, "first");
  EXPECT_EQ(results[1].output, "");
}

TEST(Isolated, brings_back_large_answers_and_cuts_those_beyond_the_limit) {
  EXPECT_EQ(run_one([] { return std::string(900'000, 'x'); }).output->size(), 900'000U);
  EXPECT_EQ(run_one([] { return std::string(3'000'000, 'x'); }).output->size(), kMaxIsolatedOutput);
}

TEST(Isolated, names_the_signal_of_a_body_that_crashes) {
  const auto result = run_one([]() -> std::string {
    std::raise(SIGSEGV);
    return "never";
  });
  EXPECT_FALSE(result.output);
  EXPECT_THAT(result.failure, AllOf(HasSubstr("the test driver"), HasSubstr("signal 11")));
}

TEST(Isolated, ends_a_body_that_hangs_at_the_deadline) {
  const SteadyTime start = system_clock().now();
  const auto result = run_one(
      []() -> std::string {
        ::signal(SIGTERM, SIG_IGN);
        for (;;) ::pause();
      },
      std::chrono::milliseconds(150));
  EXPECT_FALSE(result.output);
  EXPECT_THAT(result.failure, HasSubstr("did not finish within 0.1"));
  EXPECT_LT(system_clock().now() - start, std::chrono::seconds(10));
}

TEST(Isolated, one_hanging_body_takes_nothing_from_the_others) {
  const auto results = run_isolated({{"hangs",
                                      []() -> std::string {
                                        for (;;) ::pause();
                                      }},
                                     {"works", [] { return std::string("fine"); }}},
                                    std::chrono::milliseconds(500));
  EXPECT_FALSE(results[0].output);
  EXPECT_EQ(results[1].output, "fine");
}

TEST(Isolated, says_so_when_a_body_throws_or_exits) {
  EXPECT_THAT(run_one([]() -> std::string { throw std::runtime_error("no"); }).failure,
              HasSubstr("threw an exception"));
  EXPECT_THAT(run_one([]() -> std::string { ::_exit(3); }).failure, HasSubstr("ended the process"));
}

TEST(Isolated, a_body_sees_none_of_the_parents_files_and_prints_nowhere) {
  const int opened = ::open("/proc/self/status", O_RDONLY);
  const int held = ::fcntl(opened, F_DUPFD, 40);
  ASSERT_GE(held, 40);
  const auto result = run_one([held]() -> std::string {
    if (::write(1, "noise", 5) != 5) return "no stdout";
    return ::fcntl(held, F_GETFD) < 0 ? "closed" : "open";
  });
  EXPECT_EQ(result.output, "closed");
  ::close(held);
  ::close(opened);
}

TEST(Isolated, ends_with_its_answer_although_a_grandchild_holds_the_pipe) {
  const auto result = run_one([]() -> std::string {
    if (::fork() == 0) {
      ::alarm(5);  // So that nothing stays behind.
      for (;;) ::pause();
    }
    return "answer";
  });
  EXPECT_EQ(result.output, "answer");
}

TEST(Isolated, leaves_no_child_behind) {
  (void)run_one([] { return std::string("x"); });
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

}  // namespace
}  // namespace accel::hardware::detail
