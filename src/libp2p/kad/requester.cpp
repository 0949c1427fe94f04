// SPDX-License-Identifier: Apache-2.0
#include "kad/requester.hpp"

#include "accel/core/async/with_timeout.hpp"

namespace accel::libp2p::kad {
namespace {

constexpr std::size_t kIdlePerPeer = 2;
constexpr std::size_t kIdlePeers = 256;
constexpr std::chrono::seconds kLongestIdle{20};  // Peers give a silent stream up after a minute.
constexpr std::size_t kMaxEchoes = 4;

Task<Message> exchange(Stream& stream, FramedReader& reader, Bytes request) {
  const Status sent = co_await write_framed(stream, std::move(request));
  ACCEL_CO_CHECK(sent);
  const auto reply = co_await reader.read();
  ACCEL_CO_CHECK(reply);
  if (!*reply) co_return fail(Errc::unavailable, "{} closed its stream.", stream.peer());
  co_return decode(**reply);
}

}  // namespace

Requester::Requester(Host& host, const Clock& clock, std::string protocol, Duration timeout)
    : host_(host), clock_(clock), protocol_(std::move(protocol)), timeout_(timeout) {}

Task<Message> Requester::ask(KadPeer peer, Message message) {
  auto asking = ask_in_time(std::move(peer), encode(message));
  co_return co_await with_timeout(std::move(asking), timeout_);
}

Task<void> Requester::tell(KadPeer peer, Message message) {
  const bool is_answered = message.type == MessageType::put_value;
  auto telling = tell_in_time(std::move(peer), encode(message), is_answered);
  co_return co_await with_timeout(std::move(telling), timeout_);
}

Task<Requester::LinePtr> Requester::open(KadPeer peer) {
  const Status reached = co_await host_.reach(peer.id, peer.addresses);
  ACCEL_CO_CHECK(reached);
  std::vector<std::string> protocols{protocol_};
  auto stream = co_await host_.open(peer.id, std::move(protocols));
  if (!stream) co_return fail(std::move(stream.error()));
  co_return std::make_unique<Line>(std::move(*stream));
}

Task<Message> Requester::ask_in_time(KadPeer peer, Bytes request) {
  if (LinePtr used = take_idle(peer.id)) {
    auto reply = co_await exchange(*used->stream, used->reader, request);
    if (reply) {
      keep(peer.id, std::move(used));
      co_return std::move(*reply);
    }
  }
  auto opened = co_await open(peer);
  if (!opened) co_return fail(std::move(opened.error()));
  LinePtr line = std::move(*opened);
  auto reply = co_await exchange(*line->stream, line->reader, std::move(request));
  if (reply) keep(peer.id, std::move(line));
  co_return reply;
}

// The end of the stream says that a value was taken. Nothing says so of a provider: js-libp2p even
// resets the stream then; that the peer agreed on the protocol and all is sent has to do.
Task<void> Requester::tell_in_time(KadPeer peer, Bytes request, bool is_answered) {
  auto opened = co_await open(std::move(peer));
  if (!opened) co_return fail(std::move(opened.error()));
  const LinePtr line = std::move(*opened);
  const Status sent = co_await write_framed(*line->stream, std::move(request));
  ACCEL_CO_CHECK(sent);
  const Status closed = co_await line->stream->close_write();
  ACCEL_CO_CHECK(closed);
  if (!is_answered) co_return Status{};
  for (std::size_t i = 0; i < kMaxEchoes; ++i) {
    const auto echo = co_await line->reader.read();
    ACCEL_CO_CHECK(echo);
    if (!*echo) co_return Status{};
  }
  co_return fail(Errc::protocol, "{} does not stop answering.", line->stream->peer());
}

Requester::LinePtr Requester::take_idle(const PeerId& peer) {
  const auto found = idle_.find(peer);
  if (found == idle_.end()) return nullptr;
  LinePtr line = std::move(found->second.back());
  found->second.pop_back();
  if (found->second.empty()) idle_.erase(found);
  return clock_.now() - line->used < kLongestIdle ? std::move(line) : nullptr;
}

void Requester::keep(const PeerId& peer, LinePtr line) {
  if (!idle_.contains(peer) && idle_.size() >= kIdlePeers) return;
  auto& lines = idle_[peer];
  line->used = clock_.now();
  if (lines.size() < kIdlePerPeer) lines.push_back(std::move(line));
}

void Requester::forget(const PeerId& peer) { idle_.erase(peer); }

void Requester::forget_idle() {
  const SteadyTime now = clock_.now();
  for (auto at = idle_.begin(); at != idle_.end();) {
    std::erase_if(at->second,
                  [now](const LinePtr& line) { return now - line->used >= kLongestIdle; });
    at = at->second.empty() ? idle_.erase(at) : std::next(at);
  }
}

}  // namespace accel::libp2p::kad
