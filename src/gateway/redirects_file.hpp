// SPDX-License-Identifier: Apache-2.0
#pragma once
// The rules of a site's _redirects file: where paths that it lacks lead. Pure. Spec: ipfs/specs
// src/http-gateways/web-redirects-file.md.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/result.hpp"

namespace accel::gateway {

inline constexpr std::size_t kMaxRedirectsBytes = 64 * 1024;  // The specification's limit.
inline constexpr std::size_t kMaxTargetBytes = 8 * 1024;      // Filled in; what a header carries.

struct RedirectRule {
  std::vector<std::string> from = {};  // Segments; ":name" takes any one.
  bool splat = false;                  // Ends in "*": takes what follows, also nothing.
  std::string to = {};
  int status = 301;
};

// Errors: invalid_argument (the message names the line and why), resource_exhausted (too large).
Result<std::vector<RedirectRule>> parse_redirects(std::string_view text);

struct RedirectMatch {
  std::string to = {};  // Placeholders filled in; fit for a header.
  int status = 301;
};
// Of the first rule that fits the path, and whose target does not become too long.
std::optional<RedirectMatch> match_redirects(const std::vector<RedirectRule>& rules,
                                             const std::vector<std::string>& path);

}  // namespace accel::gateway
