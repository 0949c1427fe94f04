// SPDX-License-Identifier: Apache-2.0
#include "accel/core/result.hpp"

#include <array>
#include <cerrno>
#include <cstring>

namespace accel {
namespace {

struct Row {
  Errc code;
  std::string_view name;
  int exit_code;
};

constexpr std::array kRows{
    Row{Errc::internal, "internal", 1},
    Row{Errc::invalid_argument, "invalid_argument", 2},
    Row{Errc::not_found, "not_found", 3},
    Row{Errc::already_exists, "already_exists", 4},
    Row{Errc::corrupt, "corrupt", 5},
    Row{Errc::unsupported, "unsupported", 6},
    Row{Errc::permission_denied, "permission_denied", 7},
    Row{Errc::unauthenticated, "unauthenticated", 8},
    Row{Errc::resource_exhausted, "resource_exhausted", 9},
    Row{Errc::unavailable, "unavailable", 10},
    Row{Errc::timeout, "timeout", 11},
    Row{Errc::protocol, "protocol", 12},
    Row{Errc::io, "io", 13},
    Row{Errc::cancelled, "cancelled", 130},  // As a shell reports a process that SIGINT ended.
};

const Row& row_of(Errc code) {
  for (const Row& row : kRows) {
    if (row.code == code) return row;
  }
  return kRows.front();
}

}  // namespace

std::string_view errc_name(Errc code) { return row_of(code).name; }

Errc errc_from_name(std::string_view name) {
  for (const Row& row : kRows) {
    if (row.name == name) return row.code;
  }
  return Errc::internal;
}

int errc_exit_code(Errc code) { return row_of(code).exit_code; }

std::string Error::to_string() const {
  return cause.empty() ? message : fmt::format("{} ({})", message, cause);
}

tl::unexpected<Error> fail_errno(Errc code, int error_number, std::string message) {
  return tl::unexpected<Error>(
      Error{code, std::move(message),
            fmt::format("errno {}: {}", error_number, std::strerror(error_number))});
}

Errc errc_from_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EEXIST:
    case ENOTEMPTY:
      return Errc::already_exists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::permission_denied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Errc::resource_exhausted;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
      return Errc::invalid_argument;
    case ETIMEDOUT:
      return Errc::timeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EADDRINUSE:
      return Errc::unavailable;
    default:
      return Errc::io;
  }
}

}  // namespace accel
