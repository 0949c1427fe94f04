// SPDX-License-Identifier: Apache-2.0
// What an HTTP/2 client may send, in pieces of any size. Every request that the session tells of is
// answered; limits hold, and a stream that is told of is closed at most once and only after that.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "../../src/net/http2_session.hpp"

namespace {

using namespace accel::net;

constexpr std::size_t kWindow = 256 * 1024;  // Of one stream.

ServerLimits limits() {
  ServerLimits limits;
  limits.max_header_bytes = 1024;
  limits.max_body_bytes = 512;
  return limits;
}

class Server {
 public:
  Server() : session_(limits(), events()) {}

  // False when the connection is over.
  bool feed(std::string_view bytes) {
    const bool fed = session_.feed(bytes).has_value();
    read_live();
    for (const StreamId stream : std::exchange(told_, {})) answer(stream);
    return drain() && fed && !session_.is_over();
  }

 private:
  Http2Events events() {
    Http2Events events;
    events.on_head = [](HttpRequest& head) -> accel::Status {
      if (!head.target.starts_with('/') && head.target != "*") std::abort();
      if (head.path.starts_with("/no")) return accel::fail(accel::Errc::permission_denied, "No.");
      return {};
    };
    events.is_live = [](const HttpRequest& head) { return head.path.starts_with("/live"); };
    events.on_request = [this](StreamId stream, HttpRequest request,
                               const std::optional<HttpResponse>&) {
      if (request.body.size() > limits().max_body_bytes) std::abort();
      if (!open_.insert(stream).second) std::abort();
      if (open_.size() > kMaxHttp2Streams + 1) std::abort();
      // A live one is answered when its body has ended, and read a little at a time until then.
      if (const auto incoming = session_.incoming(stream)) {
        live_.emplace(stream, incoming);
        return;
      }
      told_.push_back(stream);
    };
    events.on_closed = [this](StreamId stream) {
      if (open_.erase(stream) != 1) std::abort();
      std::erase(told_, stream);
      const auto live = live_.find(stream);
      if (live == live_.end()) return;
      if (!live->second->closed) std::abort();
      live_.erase(live);
    };
    return events;
  }

  void read_live() {
    for (auto& [stream, incoming] : live_) {
      if (incoming->bytes.size() > kWindow) std::abort();
      const std::size_t part = std::min<std::size_t>(incoming->bytes.size(), 100);
      incoming->bytes.erase(0, part);
      if (part > 0) session_.consume(stream, part);
      const bool over = incoming->ended && incoming->bytes.empty();
      if (over && answered_.insert(stream).second) told_.push_back(stream);
    }
  }

  void answer(StreamId stream) {
    auto body = std::make_shared<Http2Body>();
    body->push(std::string(static_cast<std::size_t>(stream % 7) * 1000, 'x'));
    body->end();
    HttpResponse head = text_response(200, "");
    Headers trailers;
    trailers.add("x-after", "yes");
    if (stream % 3 == 0) head.trailers = std::make_shared<Headers>(std::move(trailers));
    if (!session_.respond(stream, head, std::nullopt, body)) std::abort();
  }

  bool drain() {
    while (true) {
      const auto frames = session_.output();
      if (!frames) return false;
      if (frames->empty()) return true;
    }
  }

  std::set<StreamId> open_;
  std::set<StreamId> answered_;  // Of the live ones.
  std::vector<StreamId> told_;
  std::map<StreamId, std::shared_ptr<Http2Incoming>> live_;
  Http2Session session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 64 + 1;
  std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  Server server;
  bool open = server.feed(kHttp2Preface);
  while (open && !rest.empty()) {
    const std::size_t part = std::min(piece, rest.size());
    open = server.feed(rest.substr(0, part));
    rest.remove_prefix(part);
  }
  return 0;
}
