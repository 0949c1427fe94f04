// SPDX-License-Identifier: Apache-2.0
#pragma once
// A gateway for tests that serves a TestDag over a real socket, honestly or in one of the ways in
// which sources go wrong. Raw blocks only.

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "accel/core/async/io.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/net/http_server.hpp"
#include "test_dag.hpp"

namespace accel::exchange::testing {

enum class Manner {
  honest,
  flips_a_byte,      // Of the body.
  sends_too_much,    // One byte more than the block has.
  sends_too_little,  // A shorter body, well framed.
  breaks_off,        // Announces the whole, sends half, drops the connection.
  sends_nothing,     // Accepts and never answers.
  answers_500,
  answers_403,
  redirects_forever,
  lacks_it,
};

class TestGateway {
 public:
  explicit TestGateway(const TestDag& dag, Manner manner = Manner::honest)
      : dag_(dag), manner_(manner) {
    auto server = net::HttpServer::listen(
        io_.executor(), net::TcpEndpoint{}, [this](net::HttpRequest request, std::stop_token stop) {
          return answer(this, std::move(request), std::move(stop));
        });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  ~TestGateway() { server_->stop(); }

  std::string url() const { return net::base_url(server_->local()); }

  // Only for these blocks; the others are served honestly.
  void only_for(std::set<ipld::Cid> cids) { only_ = std::move(cids); }
  // The first so many requests are answered honestly, whatever they ask for.
  void honest_at_first(int requests) { honest_left_ = requests; }
  // The first so many requests go wrong, then it is honest.
  void recovers_after(int requests) { wrong_left_ = requests; }
  // Each answer waits so long.
  void set_delay(Duration time) { delay_ = time; }
  // After so many bodies every connection is refused with 503.
  void set_manner(Manner manner) { manner_ = manner; }

  int requests() const { return requests_; }
  std::uint64_t bytes_sent() const { return bytes_sent_; }
  // How often each block was asked for.
  std::map<ipld::Cid, int> asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }

 private:
  static Task<net::HttpResponse> answer(TestGateway* self, net::HttpRequest request,
                                        std::stop_token stop) {
    ++self->requests_;
    if (self->delay_ > Duration::zero()) {
      auto waiting = delay(self->delay_);
      co_await std::move(waiting);
    }
    const auto segments = net::split_path(request.path);
    if (!segments || segments->size() != 2 || segments->front() != "ipfs") {
      co_return net::text_response(404, "no such path");
    }
    const auto cid = ipld::Cid::parse(segments->back());
    if (!cid) co_return net::text_response(400, cid.error().message);
    if (net::query_value(request.query, "format") != "raw") {
      co_return net::text_response(406, "raw blocks only");
    }
    const Manner manner = self->manner_for(*cid);
    if (manner == Manner::sends_nothing) {
      auto waiting = with_stop(delay(std::chrono::hours(1)), stop);
      co_await std::move(waiting);
      co_return net::text_response(503, "too late");
    }
    co_return self->respond(*cid, manner);
  }

  Manner manner_for(const ipld::Cid& cid) {
    const std::scoped_lock lock(mutex_);
    ++asked_[cid];
    if (honest_left_ > 0) {
      --honest_left_;
      return Manner::honest;
    }
    if (!only_.empty() && !only_.contains(cid)) return Manner::honest;
    if (wrong_left_ == 0) return Manner::honest;
    if (wrong_left_ > 0) --wrong_left_;
    return manner_;
  }

  net::HttpResponse respond(const ipld::Cid& cid, Manner manner) {
    const Bytes* block = dag_.find(cid);
    if (block == nullptr || manner == Manner::lacks_it) {
      return net::text_response(404, "not here");
    }
    std::string body(as_text(*block));
    switch (manner) {
      case Manner::flips_a_byte:
        body[body.size() / 2] = static_cast<char>(body[body.size() / 2] ^ 1);
        break;
      case Manner::sends_too_much:
        body += 'x';
        break;
      case Manner::sends_too_little:
        body.pop_back();
        break;
      case Manner::breaks_off:
        return broken(std::move(body));
      case Manner::answers_500:
        return net::text_response(500, "I am confused");
      case Manner::answers_403:
        return net::text_response(403, "Members only");
      case Manner::redirects_forever: {
        net::HttpResponse response = net::text_response(302, "elsewhere");
        response.headers.set("Location",
                             fmt::format("/ipfs/{}?format=raw&again={}", cid, requests_.load()));
        return response;
      }
      default:
        break;
    }
    bytes_sent_ += body.size();
    net::HttpResponse response;
    response.headers.set("Content-Type", "application/vnd.ipld.raw");
    response.body = std::move(body);
    return response;
  }

  static net::HttpResponse broken(std::string body) {
    net::HttpResponse response;
    net::StreamBody stream;
    stream.length = body.size();
    auto half = std::make_shared<std::string>(body.substr(0, body.size() / 2));
    stream.write = [half](net::BodyWriter& writer) { return write_half(half, writer); };
    response.body = std::move(stream);
    return response;
  }
  static Task<void> write_half(std::shared_ptr<std::string> half, net::BodyWriter& writer) {
    auto writing = writer.write(*half);
    co_await std::move(writing);
    co_return fail(Errc::io, "The test breaks off here.");
  }

  const TestDag& dag_;
  std::atomic<Manner> manner_;
  std::set<ipld::Cid> only_;
  int honest_left_ = 0;
  int wrong_left_ = -1;  // Below zero: for ever.
  Duration delay_{};
  std::atomic<int> requests_ = 0;
  std::atomic<std::uint64_t> bytes_sent_ = 0;
  mutable std::mutex mutex_;
  std::map<ipld::Cid, int> asked_;
  IoThread io_{1, "gateway"};
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace accel::exchange::testing
