// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the body of a reply goes, and how much of it may come: the caller's buffer, a sink, or
// text. Pure: no I/O. Error messages are parts of a sentence that HttpClient completes with the
// URL.

#include <cstdint>
#include <span>
#include <string>

#include "accel/net/http_client.hpp"

namespace accel::net {

class BodyReceiver {
 public:
  // The sink, if it is not empty, is shown the bytes after they have landed in out.
  static BodyReceiver into_buffer(std::span<std::uint8_t> out, const BodySink& sink = {});
  static BodyReceiver into_sink(const BodySink& sink, std::uint64_t max_bytes);
  static BodyReceiver into_text(std::string& text, std::uint64_t max_bytes);
  // Keeps the first kMaxErrorBodyBytes; then is_full() and the rest is not read.
  static BodyReceiver of_error(std::string& text);

  // Errors: protocol when a length that was announced is beyond the limit.
  Status announce(std::uint64_t length) const;
  // Errors: protocol beyond the limit, the sink's.
  Status accept(ByteView bytes);
  // Space of the caller's own to read into (then call filled()); empty when accept() must be used.
  std::span<std::uint8_t> direct_space() const { return out_.subspan(direct_used()); }
  Status filled(std::size_t count);  // Errors: the sink's.

  bool is_full() const { return truncates_ && bytes_ >= max_bytes_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::size_t direct_used() const { return out_.empty() ? 0 : static_cast<std::size_t>(bytes_); }
  Status too_much() const;

  std::span<std::uint8_t> out_;
  const BodySink* sink_ = nullptr;
  std::string* text_ = nullptr;
  std::uint64_t max_bytes_ = 0;
  std::uint64_t bytes_ = 0;
  bool truncates_ = false;
};

}  // namespace accel::net
