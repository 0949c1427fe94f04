// SPDX-License-Identifier: Apache-2.0
#include "http2_body.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace accel::net {
namespace {

Result<std::size_t> read_slice(FileSlice& slice, std::span<std::uint8_t> out) {
  const std::size_t wanted = std::min<std::uint64_t>(slice.length, out.size());
  ssize_t got = -1;
  do {
    got = ::pread(slice.fd->get(), out.data(), wanted, static_cast<off_t>(slice.offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail_errno(Errc::io, errno, "Could not read a file that is being sent.");
  if (got == 0) {
    return fail(Errc::corrupt, "A file ended {} bytes before the end of what was promised.",
                slice.length);
  }
  slice.offset += static_cast<std::uint64_t>(got);
  slice.length -= static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

}  // namespace

void Http2Body::push(std::string text) {
  if (text.empty()) return;
  waiting_ += text.size();
  pieces_.emplace_back(Text{std::move(text)});
}

void Http2Body::push(FileSlice slice) {
  if (slice.length == 0) return;
  waiting_ += slice.length;
  pieces_.emplace_back(std::move(slice));
}

Result<std::size_t> Http2Body::take(std::span<std::uint8_t> out) {
  std::size_t taken = 0;
  while (taken < out.size() && !pieces_.empty()) {
    const std::span<std::uint8_t> space = out.subspan(taken);
    std::size_t part = 0;
    bool done = false;
    if (auto* text = std::get_if<Text>(&pieces_.front())) {
      part = text->bytes.copy(reinterpret_cast<char*>(space.data()), space.size(), text->taken);
      text->taken += part;
      done = text->taken == text->bytes.size();
    } else {
      auto& slice = std::get<FileSlice>(pieces_.front());
      ACCEL_TRY(part, read_slice(slice, space));
      done = slice.length == 0;
    }
    taken += part;
    waiting_ -= part;
    if (done) pieces_.pop_front();
  }
  return taken;
}

}  // namespace accel::net
