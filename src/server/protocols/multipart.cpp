// SPDX-License-Identifier: Apache-2.0
#include "protocols/multipart.hpp"

#include "accel/net/headers.hpp"

namespace accel::server {
namespace {

constexpr std::size_t kMaxBoundaryBytes = 70;  // RFC 2046.
constexpr std::string_view kHeadEnd = "\r\n\r\n";

tl::unexpected<Error> broken(std::string_view why) {
  return fail(Errc::invalid_argument, "The body is not multipart/form-data: {}.", why);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The value of `name` among "a=b; c=\"d\"", quotes undone.
std::string parameter(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::size_t semicolon = text.find(';');
    std::size_t end = semicolon;
    const std::size_t quote = text.find('"');
    if (quote < semicolon) {
      std::size_t close = quote + 1;
      while (close < text.size() && text[close] != '"') close += text[close] == '\\' ? 2 : 1;
      end = text.find(';', std::min(close, text.size()));
    }
    const std::string_view item = trimmed(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const std::size_t equals = item.find('=');
    if (equals == item.npos || net::to_lower_ascii(trimmed(item.substr(0, equals))) != name)
      continue;
    std::string_view raw = trimmed(item.substr(equals + 1));
    if (!raw.starts_with('"')) return std::string(raw);
    std::string value;
    for (std::size_t i = 1; i < raw.size() && raw[i] != '"'; ++i) {
      if (raw[i] == '\\' && i + 1 < raw.size()) ++i;
      value += raw[i];
    }
    return value;
  }
  return {};
}

PartHead read_head(std::string_view text) {
  PartHead head;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 2, text.size()));
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const std::string name = net::to_lower_ascii(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "content-type") head.content_type = net::to_lower_ascii(value);
    if (name != "content-disposition") continue;
    head.name = parameter(value, "name");
    head.filename = parameter(value, "filename");
  }
  return head;
}

}  // namespace

Result<std::string> MultipartReader::boundary_of(std::string_view content_type) {
  const std::size_t end = std::min(content_type.find(';'), content_type.size());
  const std::string type = net::to_lower_ascii(trimmed(content_type.substr(0, end)));
  std::string boundary = parameter(content_type.substr(end), "boundary");
  if (!type.starts_with("multipart/") || boundary.empty() || boundary.size() > kMaxBoundaryBytes) {
    return fail(Errc::invalid_argument,
                "Files are sent as multipart/form-data with a boundary of 1 to {} characters.",
                kMaxBoundaryBytes);
  }
  return boundary;
}

MultipartReader::MultipartReader(std::string_view boundary, MultipartHandlers handlers,
                                 MultipartLimits limits)
    : delimiter_("\r\n--" + std::string(boundary)),
      handlers_(std::move(handlers)),
      limits_(limits) {}

Status MultipartReader::feed(std::string_view piece) {
  if (state_ == State::done) return {};  // An epilogue says nothing.
  rest_.erase(0, at_);  // Once a piece: each part by itself would take quadratic time.
  at_ = 0;
  rest_ += piece;
  bool moved = true;
  while (moved) {
    moved = false;
    ACCEL_CHECK(step(moved));
  }
  return {};
}

Status MultipartReader::finish() const {
  if (state_ == State::done) return {};
  return broken("it ends before its last boundary");
}

Status MultipartReader::step(bool& moved) {
  switch (state_) {
    case State::preamble:
      return take_preamble(moved);
    case State::after_boundary:
      return take_after_boundary(moved);
    case State::head:
      return take_head(moved);
    case State::data:
      return take_data(moved);
    default:
      take_off(rest().size());
      return {};
  }
}

Status MultipartReader::take_preamble(bool& moved) {
  const std::size_t at = rest().find(delimiter_);
  if (at == std::string::npos) {
    if (rest().size() > limits_.head_bytes) return broken("it does not begin with its boundary");
    return {};
  }
  take_off(at + delimiter_.size());
  state_ = State::after_boundary;
  moved = true;
  return {};
}

Status MultipartReader::take_after_boundary(bool& moved) {
  if (rest().size() < 2) return {};
  moved = true;
  if (rest().starts_with("--")) {
    state_ = State::done;
    return {};
  }
  const std::size_t end = rest().find_first_not_of(" \t");
  if (end == std::string::npos || (rest()[end] == '\r' && end + 1 == rest().size())) {
    moved = false;
    return rest().size() > limits_.head_bytes ? broken("a boundary's line does not end") : Status{};
  }
  if (rest().compare(end, 2, "\r\n") != 0) return broken("something follows a boundary");
  if (++parts_ > limits_.parts) {
    return fail(Errc::resource_exhausted, "The upload has more than {} parts.", limits_.parts);
  }
  take_off(end);  // The line's end stays: a head may be empty.
  state_ = State::head;
  return {};
}

Status MultipartReader::take_head(bool& moved) {
  const std::size_t end = rest().find(kHeadEnd);
  if (end == std::string::npos || end > limits_.head_bytes) {
    if (rest().size() <= limits_.head_bytes) return {};
    return fail(Errc::resource_exhausted, "The head of a part has more than {} bytes.",
                limits_.head_bytes);
  }
  const PartHead head = read_head(rest().substr(0, end));
  take_off(end + 2);  // A part without bytes ends with this line's end.
  state_ = State::data;
  ACCEL_CHECK(handlers_.on_part(head));
  // Of the data, but for the line's end before it.
  if (rest().starts_with(delimiter_)) {
    take_off(delimiter_.size());
    state_ = State::after_boundary;
    moved = true;
    return handlers_.on_end();
  }
  if (rest().size() < delimiter_.size() && delimiter_.starts_with(rest())) {
    held_ = true;
    return {};
  }
  take_off(2);
  moved = true;
  return {};
}

Status MultipartReader::take_data(bool& moved) {
  if (held_) {
    if (rest().size() < delimiter_.size() && delimiter_.starts_with(rest())) return {};
    held_ = false;
    if (!rest().starts_with(delimiter_)) take_off(2);
  }
  const std::size_t at = rest().find(delimiter_);
  // What may be the beginning of a delimiter waits.
  const std::size_t sure =
      at != std::string::npos ? at : rest().size() - std::min(rest().size(), delimiter_.size() - 1);
  if (sure > 0) ACCEL_CHECK(handlers_.on_data(rest().substr(0, sure)));
  take_off(sure);
  if (at == std::string::npos) return {};
  take_off(delimiter_.size());
  state_ = State::after_boundary;
  moved = true;
  return handlers_.on_end();
}

}  // namespace accel::server
