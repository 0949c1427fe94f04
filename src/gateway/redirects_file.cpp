// SPDX-License-Identifier: Apache-2.0
#include "redirects_file.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "accel/net/url.hpp"
#include "path_text.hpp"

namespace accel::gateway {
namespace {

constexpr std::array<int, 9> kStatuses{200, 301, 302, 303, 307, 308, 404, 410, 451};
constexpr std::string_view kBlanks = " \t";

using Captures = std::map<std::string, std::string, std::less<>>;  // Encoded.

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

template <class... Args>
tl::unexpected<Error> bad_line(std::size_t line, fmt::format_string<Args...> why, Args&&... args) {
  return fail(Errc::invalid_argument, "line {}: {}", line,
              fmt::format(why, std::forward<Args>(args)...));
}

Result<int> read_status(std::string_view text, std::size_t line) {
  if (text.ends_with('!')) return bad_line(line, "forced redirects ({}) are not supported", text);
  int status = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, status);
  const bool known = parsed.ec == std::errc{} && parsed.ptr == end &&
                     std::ranges::find(kStatuses, status) != kStatuses.end();
  if (!known) return bad_line(line, "unsupported redirect status \"{}\"", text);
  return status;
}

Result<RedirectRule> parse_rule(const std::vector<std::string_view>& fields, std::size_t line) {
  if (fields.size() < 2 || fields.size() > 3) {
    return bad_line(line, "a rule is \"from to [status]\"");
  }
  RedirectRule rule;
  if (!fields[0].starts_with('/')) return bad_line(line, "a rule begins with a path");
  const auto segments = split(fields[0], "/");
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool star = segments[i].find('*') != std::string_view::npos;
    if (star && (segments[i] != "*" || i + 1 != segments.size())) {
      return bad_line(line, "an asterisk is the end of a path");
    }
    if (star) {
      rule.splat = true;
    } else if (const auto decoded = net::percent_decode(segments[i])) {
      rule.from.push_back(*decoded);
    } else {
      return bad_line(line, "the path has a broken percent-coding");
    }
  }
  rule.to = fields[1];
  if (fields.size() == 3) {
    ACCEL_TRY(rule.status, read_status(fields[2], line));
  }
  const bool is_path = rule.to.starts_with('/');
  const bool moves = rule.status >= 300 && rule.status < 400;
  if (!is_path && (!moves || rule.to.find("://") == std::string::npos)) {
    return bad_line(line, "the target is no path{}", moves ? " or URL" : "");
  }
  return rule;
}

std::optional<Captures> match_rule(const RedirectRule& rule, const std::vector<std::string>& path) {
  if (path.size() < rule.from.size()) return std::nullopt;
  if (path.size() > rule.from.size() && !rule.splat) return std::nullopt;
  Captures captures;
  for (std::size_t i = 0; i < rule.from.size(); ++i) {
    const bool is_placeholder = rule.from[i].starts_with(':') && rule.from[i].size() > 1;
    if (is_placeholder) {
      captures[rule.from[i].substr(1)] = encode_segment(path[i]);
    } else if (rule.from[i] != path[i]) {
      return std::nullopt;
    }
  }
  if (rule.splat) {
    const auto start = path.begin() + static_cast<std::ptrdiff_t>(rule.from.size());
    const std::string rest = encode_path({start, path.end()});
    captures["splat"] = rest.empty() ? rest : rest.substr(1);
  }
  return captures;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// ":name" becomes what the path had there; what a header can't carry is encoded. Stops beyond
// kMaxTargetBytes: a rule may name a long part ever again.
std::string fill_in(std::string_view to, const Captures& captures) {
  std::string out;
  for (std::size_t i = 0; i < to.size() && out.size() <= kMaxTargetBytes; ++i) {
    if (to[i] == ':') {
      std::size_t end = i + 1;
      while (end < to.size() && is_word(to[end])) ++end;
      const auto found = captures.find(to.substr(i + 1, end - i - 1));
      if (found != captures.end()) {
        out += found->second;
        i = end - 1;
        continue;
      }
    }
    const bool plain = to[i] > ' ' && to[i] < 0x7f;
    out += plain ? std::string(1, to[i]) : net::percent_encode(to.substr(i, 1));
  }
  return out;
}

}  // namespace

Result<std::vector<RedirectRule>> parse_redirects(std::string_view text) {
  if (text.size() > kMaxRedirectsBytes) {
    return fail(Errc::resource_exhausted, "redirects file size cannot exceed {} bytes",
                kMaxRedirectsBytes);
  }
  std::vector<RedirectRule> rules;
  std::size_t line = 0;
  while (!text.empty()) {
    ++line;
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.ends_with('\r')) one.remove_suffix(1);
    const auto fields = split(one, kBlanks);
    if (fields.empty() || fields.front().starts_with('#')) continue;
    ACCEL_TRY(auto rule, parse_rule(fields, line));
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::optional<RedirectMatch> match_redirects(const std::vector<RedirectRule>& rules,
                                             const std::vector<std::string>& path) {
  for (const RedirectRule& rule : rules) {
    const auto captures = match_rule(rule, path);
    if (!captures) continue;
    std::string to = fill_in(rule.to, *captures);
    if (to.size() <= kMaxTargetBytes) return RedirectMatch{std::move(to), rule.status};
  }
  return std::nullopt;
}

}  // namespace accel::gateway
