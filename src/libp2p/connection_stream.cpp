// SPDX-License-Identifier: Apache-2.0
#include "connection_stream.hpp"

#include <array>

#include "accel/core/clock.hpp"

namespace accel::libp2p {
namespace {

// Resets the stream when a write is left before its end: the peer must not take a part for all.
class ResetUnlessDone {
 public:
  explicit ResetUnlessDone(Stream& stream) : stream_(stream) {}
  ~ResetUnlessDone() {
    if (!done_) stream_.reset();
  }
  ResetUnlessDone(const ResetUnlessDone&) = delete;
  ResetUnlessDone& operator=(const ResetUnlessDone&) = delete;
  void done() { done_ = true; }

 private:
  Stream& stream_;
  bool done_ = false;
};

}  // namespace

ConnectionStream::ConnectionStream(std::shared_ptr<Connection> connection, std::uint32_t id)
    : connection_(std::move(connection)),
      id_(id),
      settled_(connection_->options_.executor),
      readable_(connection_->options_.executor),
      writable_(connection_->options_.executor) {
  connection_->streams_[id_] = this;
}

ConnectionStream::~ConnectionStream() {
  connection_->streams_.erase(id_);
  connection_->session_.release(id_);
  connection_->quiet_since_ = system_clock().now();
  connection_->dispatch();
  connection_->kick();
}

Task<std::size_t> ConnectionStream::read_some(std::span<std::byte> into) {
  const Status agreed = co_await settle();
  ACCEL_CO_CHECK(agreed);
  co_return co_await read_raw(into);
}

// Who reads and who ends the stream may come at once: one takes the answer, the other waits.
Task<void> ConnectionStream::settle() {
  struct Turn {
    explicit Turn(ConnectionStream& of) : stream(of) { stream.settling_ = true; }
    ~Turn() {
      stream.settling_ = false;
      stream.settled_.call();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ConnectionStream& stream;
  };
  while (unanswered_) {
    if (settling_) {
      const Status woken = co_await settled_.wait();
      ACCEL_CO_CHECK(woken);
      continue;
    }
    const Turn turn(*this);
    const Status agreed = co_await take_answer(*unanswered_);
    if (!agreed) reset();
    ACCEL_CO_CHECK(agreed);
    unanswered_.reset();
  }
  co_return Status{};
}

Task<std::size_t> ConnectionStream::read_raw(std::span<std::byte> into) {
  for (;;) {
    const auto read = connection_->session_.read(id_, into, system_clock().now());
    ACCEL_CO_CHECK(read);
    if (*read) {
      connection_->kick();
      co_return **read;
    }
    if (connection_->closed()) {
      co_return fail(Errc::unavailable, "The connection to the peer has gone.");
    }
    const Status woken = co_await readable_.wait();
    ACCEL_CO_CHECK(woken);
  }
}

Task<void> ConnectionStream::send(ByteView bytes) {
  while (!bytes.empty()) {
    const auto taken = connection_->session_.write(id_, bytes);
    ACCEL_CO_CHECK(taken);
    bytes = bytes.subspan(*taken);
    connection_->kick();
    if (*taken > 0) continue;
    if (connection_->closed()) {
      co_return fail(Errc::unavailable, "The connection to the peer has gone.");
    }
    const Status woken = co_await writable_.wait();
    ACCEL_CO_CHECK(woken);
  }
  co_return Status{};
}

Task<void> ConnectionStream::write_all(ByteView bytes) {
  ResetUnlessDone guard(*this);
  const Status sent = co_await send(bytes);
  if (sent) guard.done();
  co_return sent;
}

// A proposal, a message and the end at once are more than js-libp2p takes.
Task<void> ConnectionStream::close_write() {
  const Status agreed = co_await settle();
  ACCEL_CO_CHECK(agreed);
  const Status closed = connection_->session_.close_write(id_);
  connection_->kick();
  co_return closed;
}

void ConnectionStream::reset() {
  connection_->session_.reset(id_);
  connection_->dispatch();
  connection_->kick();
  wake_reader();
  wake_writer();
}

Task<void> ConnectionStream::negotiate(Multistream negotiation) {
  const Status agreed = co_await take_answer(negotiation);
  ACCEL_CO_CHECK(agreed);
  protocol_ = *negotiation.agreed();
  co_return Status{};
}

Task<void> ConnectionStream::propose(std::string protocol) {
  unanswered_ = Multistream::initiator({protocol});
  protocol_ = std::move(protocol);
  const Bytes out = unanswered_->take_output();
  co_return co_await send(out);
}

Task<void> ConnectionStream::take_answer(Multistream& negotiation) {
  std::array<std::byte, kMaxMultistreamMessage> buffer{};
  for (;;) {
    const Bytes out = negotiation.take_output();
    const Status sent = co_await send(out);
    ACCEL_CO_CHECK(sent);
    if (negotiation.agreed()) break;
    const std::size_t wanted = std::min(negotiation.wanted(), buffer.size());
    const auto read = co_await read_raw(std::span(buffer).first(wanted));
    ACCEL_CO_CHECK(read);
    if (*read == 0) co_return fail(Errc::protocol, "The peer closed a stream without a protocol.");
    const auto* const bytes = reinterpret_cast<const std::uint8_t*>(buffer.data());
    ACCEL_CO_CHECK(negotiation.receive({bytes, *read}));
  }
  co_return Status{};
}

}  // namespace accel::libp2p
