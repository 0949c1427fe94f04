// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/framed.hpp"

#include "accel/ipld/varint.hpp"

namespace accel::libp2p {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10U;

}  // namespace

FramedReader::FramedReader(Stream& stream, std::size_t max_message_bytes)
    : stream_(stream), max_message_bytes_(max_message_bytes) {}

Task<bool> FramedReader::fill() {
  if (begin_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
  }
  const std::size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  const auto into = std::as_writable_bytes(std::span(buffer_).subspan(size));
  const auto read = co_await stream_.read_some(into);
  buffer_.resize(size + read.value_or(0));
  ACCEL_CO_CHECK(read);
  co_return *read > 0;
}

Task<std::optional<Bytes>> FramedReader::read() {
  for (;;) {
    const ByteView rest = ByteView(buffer_).subspan(begin_);
    const auto length = ipld::get_uvarint(rest);
    if (length) {
      if (length->value > max_message_bytes_) {
        co_return fail(Errc::protocol, "The peer sends a message of {} bytes; {} are allowed.",
                       length->value, max_message_bytes_);
      }
      if (rest.size() - length->size >= length->value) {
        Bytes message = to_bytes(rest.subspan(length->size, length->value));
        begin_ += length->size + message.size();
        co_return message;
      }
    } else if (rest.size() >= ipld::kMaxUvarintBytes ||
               (!rest.empty() && (rest.back() & 0x80U) == 0)) {
      co_return fail(Errc::protocol, "The length of a message is no varint.");
    }
    const auto filled = co_await fill();
    ACCEL_CO_CHECK(filled);
    if (*filled) continue;
    if (buffer_.size() == begin_) co_return std::nullopt;
    co_return fail(Errc::protocol, "The peer closed its stream inside a message.");
  }
}

Task<void> write_framed(Stream& stream, Bytes message) {
  Bytes framed;
  framed.reserve(message.size() + ipld::kMaxUvarintBytes);
  ipld::put_uvarint(framed, message.size());
  framed.insert(framed.end(), message.begin(), message.end());
  co_return co_await stream.write_all(framed);
}

}  // namespace accel::libp2p
