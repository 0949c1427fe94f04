// SPDX-License-Identifier: Apache-2.0
// Relative references (RFC 3986 section 5.2), as Location headers use them.
#include "accel/net/headers.hpp"
#include "accel/net/url.hpp"

namespace accel::net {
namespace {

// RFC 3986 section 5.2.4; path begins with '/'.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    if (segment == "/." || segment == "/..") {
      if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
      if (path.empty()) out += '/';
    } else {
      out += segment;
    }
  }
  return out.empty() ? "/" : out;
}

bool has_scheme(std::string_view reference) {
  const std::size_t colon = reference.find(':');
  return colon != std::string_view::npos && colon < reference.find_first_of("/?#");
}

}  // namespace

Result<Url> resolve_reference(const Url& base, std::string_view reference) {
  reference = trim_blanks(reference);
  if (has_scheme(reference)) {
    ACCEL_TRY(Url url, parse_url(reference));
    if (url.scheme == "unix") {
      return fail(Errc::invalid_argument, "A redirect to the Unix socket {} is refused.", url.host);
    }
    return url;
  }
  if (reference.starts_with("//") && base.scheme != "unix") {
    return parse_url(base.scheme + ":" + std::string(reference));
  }
  Url url = base;
  reference = reference.substr(0, reference.find('#'));
  const std::size_t question = reference.find('?');
  const std::string_view path = reference.substr(0, question);
  if (!path.empty() || question != std::string_view::npos) {
    url.query =
        question == std::string_view::npos ? "" : std::string(reference.substr(question + 1));
  }
  if (path.starts_with('/')) url.path = remove_dot_segments(path);
  if (!path.empty() && !path.starts_with('/')) {
    const std::string merged = base.path.substr(0, base.path.rfind('/') + 1) + std::string(path);
    url.path = remove_dot_segments(merged);
  }
  // Written out and read again, so that one place decides which characters a URL may hold.
  return parse_url(url.to_string());
}

}  // namespace accel::net
