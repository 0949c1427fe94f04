// SPDX-License-Identifier: Apache-2.0
#include "multistream.hpp"

#include <algorithm>
#include <utility>

#include "accel/ipld/varint.hpp"

namespace accel::libp2p {
namespace {

constexpr std::string_view kHeader = "/multistream/1.0.0";
constexpr std::string_view kRefusal = "na";
constexpr std::size_t kMaxLengthBytes = 2;  // Of kMaxMultistreamMessage.

void put_message(Bytes& out, std::string_view text) {
  ipld::put_uvarint(out, text.size() + 1);
  out.insert(out.end(), text.begin(), text.end());
  out.push_back('\n');
}

bool begins_like_header(ByteView bytes) {
  Bytes header;
  put_message(header, kHeader);
  return bytes.size() <= header.size() && std::equal(bytes.begin(), bytes.end(), header.begin());
}

tl::unexpected<Error> broken(std::string_view what) {
  return fail(Errc::protocol, "The peer doesn't speak multistream-select: {}.", what);
}

}  // namespace

Multistream Multistream::initiator(std::vector<std::string> protocols) {
  Multistream made(true);
  made.protocols_ = std::move(protocols);
  put_message(made.output_, kHeader);
  made.propose();
  return made;
}

Multistream Multistream::responder(Supports supports) {
  Multistream made(false);
  made.supports_ = std::move(supports);
  return made;
}

void Multistream::propose() {
  if (next_ < protocols_.size()) put_message(output_, protocols_[next_]);
}

Bytes Multistream::take_output() { return std::exchange(output_, {}); }

std::size_t Multistream::wanted() const {
  const auto length = ipld::get_uvarint(input_);
  if (!length) return 1;
  return length->size + length->value - input_.size();
}

Status Multistream::receive(ByteView bytes) {
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  // Whoever speaks something else (HTTP, TLS) is told apart by the first bytes, not by a time-out.
  if (!greeted_ && !begins_like_header(input_)) return broken("another header");
  const auto length = ipld::get_uvarint(input_);
  if (!length) {
    return input_.size() < kMaxLengthBytes ? Status{} : broken("a length is no varint");
  }
  if (length->value == 0 || length->value > kMaxMultistreamMessage) {
    return broken(fmt::format("a message of {} bytes", length->value));
  }
  if (input_.size() < length->size + length->value) return {};
  const Bytes message = std::exchange(input_, {});
  const std::string_view text = as_text(ByteView(message).subspan(length->size));
  if (text.back() != '\n') return broken("a message without an end of line");
  return handle(text.substr(0, text.size() - 1));
}

Status Multistream::handle(std::string_view message) {
  if (greeted_) return initiates_ ? handle_reply(message) : handle_proposal(message);
  greeted_ = true;
  if (!initiates_) put_message(output_, kHeader);
  return {};
}

Status Multistream::handle_reply(std::string_view message) {
  if (next_ < protocols_.size() && message == protocols_[next_]) {
    agreed_ = protocols_[next_];
    return {};
  }
  if (message != kRefusal) return broken("an answer that nobody asked for");
  if (++next_ >= protocols_.size()) {
    return fail(Errc::unsupported, "The peer speaks none of: {}.", fmt::join(protocols_, ", "));
  }
  propose();
  return {};
}

Status Multistream::handle_proposal(std::string_view message) {
  const std::string protocol(message);
  if (supports_(protocol)) {
    put_message(output_, protocol);
    agreed_ = protocol;
    return {};
  }
  if (++refused_ > kMaxProposals) return broken("too many proposals");
  put_message(output_, kRefusal);
  return {};
}

}  // namespace accel::libp2p
