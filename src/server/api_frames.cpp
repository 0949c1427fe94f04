// SPDX-License-Identifier: Apache-2.0
#include "accel/server/api_frames.hpp"

#include <algorithm>

#include "accel/core/json.hpp"

namespace accel::server {
namespace {

using nlohmann::json;

// A result may hold values of DAGs, and of these and of others as many as a line has room for.
constexpr JsonLimits kFrameLimits{
    .depth = 1024, .values = kMaxFrameLineBytes, .parts = kMaxFrameLineBytes};

std::string line_of(const char* name, const json& value) {
  return json{{name, value}}.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

tl::unexpected<Error> not_a_frame(std::string_view why) {
  return fail(Errc::protocol, "The daemon's answer is not in the API's format: {}.", why);
}

Error error_of(const json& value) {
  const auto text = [&](const char* name) {
    const auto found = value.find(name);
    return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return Error{errc_from_name(text("code")), text("message"), text("cause")};
}

}  // namespace

std::string progress_frame(const json& progress) { return line_of("progress", progress); }

std::string bytes_frame(ByteView bytes) {
  std::string frame = line_of("bytes", bytes.size());
  frame += as_text(bytes);
  return frame;
}

std::string result_frame(const json& result) { return line_of("result", result); }

std::string error_frame(const Error& error) {
  return line_of(
      "error",
      {{"code", errc_name(error.code)}, {"message", error.message}, {"cause", error.cause}});
}

Status FrameReader::feed(ByteView piece) {
  while (!piece.empty()) {
    if (raw_left_ > 0) {
      const std::size_t size =
          static_cast<std::size_t>(std::min<std::uint64_t>(raw_left_, piece.size()));
      if (!handlers_.on_bytes) return not_a_frame("it sends content that was not asked for");
      ACCEL_CHECK(handlers_.on_bytes(piece.first(size)));
      raw_left_ -= size;
      piece = piece.subspan(size);
      continue;
    }
    if (finished_) return not_a_frame("it goes on after its result");
    const std::string_view text = as_text(piece);
    const std::size_t end = text.find('\n');
    const std::size_t taken = std::min(end, text.size());
    if (line_.size() + taken > kMaxFrameLineBytes) return not_a_frame("a line is too long");
    line_ += text.substr(0, taken);
    piece = piece.subspan(end == std::string_view::npos ? taken : taken + 1);
    if (end == std::string_view::npos) return {};
    const std::string line = std::exchange(line_, {});
    ACCEL_CHECK(take_line(line));
  }
  return {};
}

Status FrameReader::take_line(std::string_view line) {
  const auto frame = parse_bounded_json(line, "A line", kFrameLimits);
  if (!frame || !frame->is_object() || frame->size() != 1)
    return not_a_frame("a line is no object with one member");
  const std::string name = frame->begin().key();
  const json& value = frame->begin().value();
  if (name == "progress") {
    if (handlers_.on_progress && value.is_object()) handlers_.on_progress(value);
  } else if (name == "bytes") {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > kMaxFrameBytes) {
      return not_a_frame("it announces a bad number of bytes");
    }
    raw_left_ = value.get<std::uint64_t>();
  } else if (name == "result") {
    finished_ = true;
    outcome_ = value;
  } else if (name == "error" && value.is_object()) {
    finished_ = true;
    outcome_ = fail(error_of(value));
  } else {
    return not_a_frame("a line has an unknown member");
  }
  return {};
}

Result<json> FrameReader::finish() const { return outcome_; }

}  // namespace accel::server
