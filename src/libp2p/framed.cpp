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

Result<std::optional<FramedReader::Length>> FramedReader::length() const {
  const ByteView rest = buffer_.view();
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
  return Length{length->size, static_cast<std::size_t>(length->value)};
}

// Up to the end of a message that is longer than what was read, so that it has its buffer alone;
// the buffer for all of it when a quarter is there.
Result<std::size_t> FramedReader::room() const {
  const std::size_t size = buffer_.size();
  const std::size_t most = std::clamp(3 * size, kLeastRead, kMostRead);
  ACCEL_TRY(const std::optional<Length> known, length());
  if (!known) return most;
  const std::size_t missing = known->prefix + known->message - size;
  return missing <= 3 * size ? missing : most;
}

Task<bool> FramedReader::fill() {
  const auto wanted = room();
  ACCEL_CO_CHECK(wanted);
  std::uint8_t* const at = buffer_.extend(*wanted);
  const auto read = co_await stream_.read_some(std::as_writable_bytes(std::span(at, *wanted)));
  buffer_.drop_back(*wanted - read.value_or(0));
  ACCEL_CO_CHECK(read);
  co_return *read > 0;
}

Result<std::optional<RawBuffer>> FramedReader::take() {
  ACCEL_TRY(const std::optional<Length> known, length());
  if (!known || buffer_.size() - known->prefix < known->message) return std::nullopt;
  buffer_.consume(known->prefix);
  RawBuffer message;
  if (buffer_.size() == known->message && known->message >= kMostRead) {
    message.swap(buffer_);
    return message;
  }
  message.append(buffer_.view().first(known->message));
  buffer_.consume(known->message);
  return message;
}

Duration FramedReader::time_for_rest() const {
  const auto known = length();
  const std::size_t bytes = known && *known ? (*known)->message : 0;
  return patience_ + std::chrono::seconds(bytes / kLeastBytesPerSecond);
}

Task<RawBuffer> FramedReader::finish() {
  for (;;) {
    const auto filled = co_await fill();
    ACCEL_CO_CHECK(filled);
    if (!*filled) co_return fail(Errc::protocol, "The peer closed its stream inside a message.");
    auto message = take();
    if (!message) co_return fail(std::move(message.error()));
    if (*message) co_return std::move(**message);
  }
}

Task<std::optional<RawBuffer>> FramedReader::read_buffer() {
  for (;;) {
    auto message = take();
    if (!message) co_return fail(std::move(message.error()));
    if (*message) co_return std::move(*message);
    if (!buffer_.empty()) break;
    const auto filled = co_await fill();
    ACCEL_CO_CHECK(filled);
    if (!*filled) co_return std::nullopt;
  }
  auto finishing = finish();
  auto rest = co_await with_timeout(std::move(finishing), time_for_rest());
  if (!rest) co_return fail(std::move(rest.error()));
  co_return std::move(*rest);
}

Task<std::optional<Bytes>> FramedReader::read() {
  Result<std::optional<RawBuffer>> message = co_await read_buffer();
  if (!message) co_return fail(std::move(message.error()));
  if (!*message) co_return std::nullopt;
  co_return to_bytes((**message).view());
}

Task<void> write_framed(Stream& stream, Bytes message) {
  Bytes framed;
  framed.reserve(message.size() + ipld::kMaxUvarintBytes);
  ipld::put_uvarint(framed, message.size());
  framed.insert(framed.end(), message.begin(), message.end());
  co_return co_await stream.write_all(framed);
}

}  // namespace accel::libp2p
