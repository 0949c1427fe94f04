// SPDX-License-Identifier: Apache-2.0
#include "body_receiver.hpp"

#include <algorithm>

namespace accel::net {

BodyReceiver BodyReceiver::into_buffer(std::span<std::uint8_t> out, const BodySink& sink) {
  BodyReceiver receiver;
  receiver.out_ = out;
  if (sink) receiver.sink_ = &sink;
  receiver.max_bytes_ = out.size();
  return receiver;
}

BodyReceiver BodyReceiver::into_sink(const BodySink& sink, std::uint64_t max_bytes) {
  BodyReceiver receiver;
  receiver.sink_ = &sink;
  receiver.max_bytes_ = max_bytes;
  return receiver;
}

BodyReceiver BodyReceiver::into_text(std::string& text, std::uint64_t max_bytes) {
  BodyReceiver receiver;
  receiver.text_ = &text;
  receiver.max_bytes_ = max_bytes;
  return receiver;
}

BodyReceiver BodyReceiver::of_error(std::string& text) {
  BodyReceiver receiver = into_text(text, kMaxErrorBodyBytes);
  receiver.truncates_ = true;
  return receiver;
}

Status BodyReceiver::too_much() const {
  return fail(Errc::protocol, "it sends more than the {} bytes that were expected", max_bytes_);
}

Status BodyReceiver::announce(std::uint64_t length) const {
  if (length <= max_bytes_ || truncates_) return {};
  return fail(Errc::protocol, "it announces {} bytes where at most {} were expected", length,
              max_bytes_);
}

Status BodyReceiver::filled(std::size_t count) {
  const ByteView bytes = direct_space().first(count);
  bytes_ += count;
  if (sink_ != nullptr && count > 0) return (*sink_)(bytes);
  return {};
}

Status BodyReceiver::accept(ByteView bytes) {
  if (truncates_) bytes = bytes.first(std::min<std::uint64_t>(bytes.size(), max_bytes_ - bytes_));
  if (bytes.size() > max_bytes_ - bytes_) return too_much();
  if (!out_.empty()) std::ranges::copy(bytes, direct_space().begin());
  if (text_ != nullptr) text_->append(as_text(bytes));
  bytes_ += bytes.size();
  if (sink_ != nullptr && !bytes.empty()) return (*sink_)(bytes);
  return {};
}

}  // namespace accel::net
