// SPDX-License-Identifier: Apache-2.0
#pragma once
// Errors are values: Result<T> wherever a caller can act, one closed enum to branch on, one
// sentence for people. Used by every module. Thread-safe: plain values.

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace accel {

// What code branches on. The table Errc -> exit code is errc_exit_code(); -> HTTP status is
// server/status.hpp.
enum class Errc {
  invalid_argument,
  not_found,
  already_exists,
  corrupt,
  unsupported,
  permission_denied,
  unauthenticated,
  resource_exhausted,
  unavailable,
  timeout,
  cancelled,
  protocol,
  io,
  internal,
};

std::string_view errc_name(Errc code);
// The inverse of errc_name(); an unknown name reads as Errc::internal (it came from a newer peer).
Errc errc_from_name(std::string_view name);
// Process exit codes of the CLI: 0 is success, 1 internal, 2 invalid_argument, and one code for
// each other Errc.
int errc_exit_code(Errc code);

struct Error {
  Errc code = Errc::internal;
  std::string message;  // A full sentence: what, where, what to do.
  std::string cause;    // The library's or the system's own words or code; may be empty.

  // "message (cause)" for logs.
  std::string to_string() const;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail(Errc::not_found, "No block {} in {}.", cid, home);
template <class... Args>
tl::unexpected<Error> fail(Errc code, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{code, fmt::format(format, std::forward<Args>(args)...), {}});
}
// The same with the words of errno (or of another library) as the cause.
tl::unexpected<Error> fail_errno(Errc code, int error_number, std::string message);
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

// The Errc that fits an errno: ENOENT not_found, EACCES and EROFS permission_denied, ENOSPC and
// EDQUOT resource_exhausted, ...
Errc errc_from_errno(int error_number);

}  // namespace accel

#define ACCEL_CONCAT_INNER(a, b) a##b
#define ACCEL_CONCAT(a, b) ACCEL_CONCAT_INNER(a, b)
// ACCEL_TRY(auto cid, Cid::parse(text)): declares the value or returns the error from this
// function.
#define ACCEL_TRY(declaration, expression) \
  ACCEL_TRY_AS(ACCEL_CONCAT(accel_try_, __LINE__), declaration, expression, return)
// ACCEL_CHECK(store.put(...)): returns the error of a Status from this function.
#define ACCEL_CHECK(expression)                        \
  if (auto accel_status = (expression); !accel_status) \
  return tl::unexpected<::accel::Error>(std::move(accel_status).error())
// The same two for coroutines of Task<T>. Name what you co_await first (style.md, g++ 12 traps):
//   auto response = co_await client.get(url);  ACCEL_CO_TRY(auto body, std::move(response));
#define ACCEL_CO_TRY(declaration, expression) \
  ACCEL_TRY_AS(ACCEL_CONCAT(accel_try_, __LINE__), declaration, expression, co_return)
#define ACCEL_CO_CHECK(expression)                     \
  if (auto accel_status = (expression); !accel_status) \
  co_return tl::unexpected<::accel::Error>(std::move(accel_status).error())
#define ACCEL_TRY_AS(name, declaration, expression, leave)                  \
  auto name = (expression);                                                 \
  if (!name) leave tl::unexpected<::accel::Error>(std::move(name).error()); \
  declaration = std::move(*name)
