// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/framed.hpp"

#include <algorithm>

#include "accel/core/async/with_timeout.hpp"
#include "accel/ipld/varint.hpp"

namespace accel::libp2p {
namespace {

// A peer that sends little makes us hold little.
constexpr std::size_t kLeastRead = std::size_t{1} << 10U;
constexpr std::size_t kMostRead = std::size_t{64} << 10U;
constexpr std::size_t kLeastBytesPerSecond = std::size_t{16} << 10U;

}  // namespace

FramedReader::FramedReader(Stream& stream, std::size_t max_message_bytes, Duration patience)
    : stream_(stream), max_message_bytes_(max_message_bytes), patience_(patience) {}

Task<bool> FramedReader::fill() {
  if (begin_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  const std::size_t size = buffer_.size();
  if (size == 0 && buffer_.capacity() > kMostRead) buffer_ = {};
  const std::size_t room = std::clamp(3 * size, kLeastRead, kMostRead);
  buffer_.resize(size + room);
  const auto into = std::as_writable_bytes(std::span(buffer_).subspan(size));
  const auto read = co_await stream_.read_some(into);
  buffer_.resize(size + read.value_or(0));
  ACCEL_CO_CHECK(read);
  co_return *read > 0;
}

Result<std::optional<Bytes>> FramedReader::take() {
  const ByteView rest = ByteView(buffer_).subspan(begin_);
  const auto length = ipld::get_uvarint(rest);
  if (!length) {
    const bool cut =
        rest.size() < ipld::kMaxUvarintBytes && (rest.empty() || (rest.back() & 0x80U) != 0);
    if (cut) return std::nullopt;
    return fail(Errc::protocol, "The length of a message is no varint.");
  }
  if (length->value > max_message_bytes_) {
    return fail(Errc::protocol, "The peer sends a message of {} bytes; {} are allowed.",
                length->value, max_message_bytes_);
  }
  if (rest.size() - length->size < length->value) return std::nullopt;
  Bytes message = to_bytes(rest.subspan(length->size, length->value));
  begin_ += length->size + message.size();
  return message;
}

Duration FramedReader::time_for_rest() const {
  const auto length = ipld::get_uvarint(ByteView(buffer_).subspan(begin_));
  const std::size_t bytes = length ? length->value : 0;
  return patience_ + std::chrono::seconds(bytes / kLeastBytesPerSecond);
}

Task<Bytes> FramedReader::finish() {
  for (;;) {
    const auto filled = co_await fill();
    ACCEL_CO_CHECK(filled);
    if (!*filled) co_return fail(Errc::protocol, "The peer closed its stream inside a message.");
    auto message = take();
    ACCEL_CO_CHECK(message);
    if (*message) co_return std::move(**message);
  }
}

Task<std::optional<Bytes>> FramedReader::read() {
  for (;;) {
    auto message = take();
    ACCEL_CO_CHECK(message);
    if (*message) co_return std::move(*message);
    if (buffer_.size() > begin_) break;
    const auto filled = co_await fill();
    ACCEL_CO_CHECK(filled);
    if (!*filled) co_return std::nullopt;
  }
  auto finishing = finish();
  auto rest = co_await with_timeout(std::move(finishing), time_for_rest());
  if (!rest) co_return fail(std::move(rest.error()));
  co_return std::move(*rest);
}

Task<void> write_framed(Stream& stream, Bytes message) {
  Bytes framed;
  framed.reserve(message.size() + ipld::kMaxUvarintBytes);
  ipld::put_uvarint(framed, message.size());
  framed.insert(framed.end(), message.begin(), message.end());
  co_return co_await stream.write_all(framed);
}

}  // namespace accel::libp2p
