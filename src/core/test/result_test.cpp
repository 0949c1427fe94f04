// SPDX-License-Identifier: Apache-2.0
#include "accel/core/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

namespace accel {
namespace {

constexpr Errc kAll[]{Errc::invalid_argument,
                      Errc::not_found,
                      Errc::already_exists,
                      Errc::corrupt,
                      Errc::unsupported,
                      Errc::permission_denied,
                      Errc::unauthenticated,
                      Errc::resource_exhausted,
                      Errc::unavailable,
                      Errc::timeout,
                      Errc::cancelled,
                      Errc::protocol,
                      Errc::io,
                      Errc::internal};

TEST(Errc, has_a_name_that_reads_back_and_an_exit_code_of_its_own) {
  std::set<int> exit_codes;
  for (const Errc code : kAll) {
    EXPECT_EQ(errc_from_name(errc_name(code)), code);
    EXPECT_NE(errc_exit_code(code), 0);
    exit_codes.insert(errc_exit_code(code));
  }
  EXPECT_EQ(exit_codes.size(), std::size(kAll));
}

TEST(Errc, reads_a_name_of_a_newer_version_as_internal) {
  EXPECT_EQ(errc_from_name("teapot"), Errc::internal);
}

TEST(Errc, fits_the_errors_of_the_system) {
  EXPECT_EQ(errc_from_errno(ENOENT), Errc::not_found);
  EXPECT_EQ(errc_from_errno(ENOSPC), Errc::resource_exhausted);
  EXPECT_EQ(errc_from_errno(EROFS), Errc::permission_denied);
  EXPECT_EQ(errc_from_errno(ECONNREFUSED), Errc::unavailable);
  EXPECT_EQ(errc_from_errno(EIO), Errc::io);
}

TEST(Error, shows_its_cause_in_brackets) {
  const Status status = fail_errno(Errc::io, ENOSPC, "Cannot write the file.");
  EXPECT_EQ(status.error().to_string(),
            "Cannot write the file. (errno 28: No space left on device)");
  const Status plain = fail(Errc::not_found, "No {} here.", "block");
  EXPECT_EQ(plain.error().to_string(), "No block here.");
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Errc::invalid_argument, "{} is odd.", value);
  return value / 2;
}

Result<std::unique_ptr<int>> quarter(int value) {
  ACCEL_TRY(const int once, half(value));
  ACCEL_TRY(const int twice, half(once));
  return std::make_unique<int>(twice);
}

Status check_quarter(int value) {
  ACCEL_CHECK(quarter(value));
  return {};
}

TEST(Result, is_passed_up_by_the_macros) {
  EXPECT_EQ(*quarter(12).value(), 3);
  EXPECT_EQ(quarter(6).error().message, "3 is odd.");
  EXPECT_TRUE(check_quarter(8));
  EXPECT_EQ(check_quarter(7).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel
