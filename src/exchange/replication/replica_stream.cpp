// SPDX-License-Identifier: Apache-2.0
#include "accel/exchange/replica_stream.hpp"

#include "accel/core/async/with_timeout.hpp"
#include "accel/libp2p/framed.hpp"

namespace accel::exchange {
namespace {

constexpr Duration kAnswerWithin = std::chrono::seconds(15);   // The keeper asks its store.
constexpr Duration kRequestWithin = std::chrono::seconds(10);  // To send it, or to take the answer.

Task<void> send(libp2p::Stream& stream, Bytes message) {
  auto writing = libp2p::write_framed(stream, std::move(message));
  co_return co_await with_timeout(std::move(writing), kRequestWithin);
}

Task<std::optional<Bytes>> receive(libp2p::Stream& stream, Duration within) {
  libp2p::FramedReader reader(stream, kMaxReplicaMessageBytes, within);
  auto reading = reader.read();
  co_return co_await with_timeout(std::move(reading), within);
}

}  // namespace

Task<ReplicaAnswer> ask_replica(std::unique_ptr<libp2p::Stream> stream, ReplicaRequest request) {
  auto sending = send(*stream, encode_replica(request));
  const Status sent = co_await std::move(sending);
  ACCEL_CO_CHECK(sent);
  auto receiving = receive(*stream, kAnswerWithin);
  const Result<std::optional<Bytes>> frame = co_await std::move(receiving);
  if (!frame) co_return fail(Error(frame.error()));
  if (!*frame) co_return fail(Errc::protocol, "The peer closed without an answer.");
  co_return decode_replica_answer(**frame);
}

Task<void> serve_replica(std::unique_ptr<libp2p::Stream> stream, AnswerReplica answer) {
  auto receiving = receive(*stream, kRequestWithin);
  const Result<std::optional<Bytes>> frame = co_await std::move(receiving);
  if (!frame) co_return fail(Error(frame.error()));
  if (!*frame) co_return Status{};
  auto request = decode_replica_request(**frame);
  if (!request) {
    stream->reset();
    co_return fail(std::move(request).error());
  }
  auto answering = answer(*std::move(request), stream->peer());
  const Result<ReplicaAnswer> said = co_await std::move(answering);
  if (!said) co_return fail(Error(said.error()));
  auto sending = send(*stream, encode_replica(*said));
  const Status sent = co_await std::move(sending);
  ACCEL_CO_CHECK(sent);
  auto closing = stream->close_write();
  co_return co_await std::move(closing);
}

}  // namespace accel::exchange
