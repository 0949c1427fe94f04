// SPDX-License-Identifier: Apache-2.0
// What an HTTP/2 client may send, in pieces of any size. Every request that the session tells of is
// answered; limits hold, and a stream that is told of is closed at most once and only after that.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "../../src/net/http2_session.hpp"

namespace {

using namespace accel::net;

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
    events.on_request = [this](StreamId stream, HttpRequest request,
                               const std::optional<HttpResponse>&) {
      if (request.body.size() > limits().max_body_bytes) std::abort();
      if (!open_.insert(stream).second) std::abort();
      if (open_.size() > kMaxHttp2Streams + 1) std::abort();
      told_.push_back(stream);
    };
    events.on_closed = [this](StreamId stream) {
      if (open_.erase(stream) != 1) std::abort();
      std::erase(told_, stream);
    };
    return events;
  }

  void answer(StreamId stream) {
    auto body = std::make_shared<Http2Body>();
    body->push(std::string(static_cast<std::size_t>(stream % 7) * 1000, 'x'));
    body->end();
    if (!session_.respond(stream, text_response(200, ""), std::nullopt, body)) std::abort();
  }

  bool drain() {
    while (true) {
      const auto frames = session_.output();
      if (!frames) return false;
      if (frames->empty()) return true;
    }
  }

  std::set<StreamId> open_;
  std::vector<StreamId> told_;
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
