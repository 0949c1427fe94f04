// SPDX-License-Identifier: Apache-2.0
#pragma once
// A web server for tests that has files and answers Range requests, honestly or in one of the ways
// in which file hosts go wrong.

#include <atomic>
#include <map>
#include <mutex>
#include <string>

#include "accel/core/async/io.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/net/header_values.hpp"
#include "accel/net/http_server.hpp"
#include "test_dag.hpp"

namespace accel::exchange::testing {

enum class HostManner {
  honest,
  ignores_range,    // 200 and everything.
  lies_about_size,  // In Content-Range.
  other_range,      // Sends the first bytes, whatever was asked for, and says so.
  says_nothing,     // 206 without Content-Range.
  garbage,          // The right number of other bytes.
  too_little,       // A byte less, well framed.
  lacks_it,
  answers_500,
};

class TestFileHost {
 public:
  explicit TestFileHost(std::map<std::string, Bytes> files, HostManner manner = HostManner::honest)
      : files_(std::move(files)), manner_(manner) {
    auto server = net::HttpServer::listen(
        io_.executor(), net::TcpEndpoint{}, [this](net::HttpRequest request, std::stop_token stop) {
          return answer(this, std::move(request), std::move(stop));
        });
    EXPECT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  ~TestFileHost() { server_->stop(); }

  std::string url(const std::string& path) const {
    return net::base_url(server_->local()) + "/" + path;
  }
  void set_delay(Duration time) { delay_ = time; }
  // From this answer on the files are others, under another ETag.
  void changes_after(int answers) { changes_after_ = answers; }
  // Every "/x" leads to "/moved/x", which works so often before it is gone.
  void redirects(int valid_for) { valid_for_ = valid_for; }
  int requests() const { return requests_; }
  int redirections() const { return redirections_; }

 private:
  static Task<net::HttpResponse> answer(TestFileHost* self, net::HttpRequest request,
                                        std::stop_token) {
    const int number = self->requests_++;
    if (self->delay_ > Duration::zero()) {
      auto waiting = delay(self->delay_);
      co_await std::move(waiting);
    }
    co_return self->respond(request, number);
  }

  net::HttpResponse respond(const net::HttpRequest& request, int number) {
    auto segments = net::split_path(request.path);
    if (!segments) return net::text_response(400, "no path");
    std::string path;
    for (const auto& segment : *segments) path += (path.empty() ? "" : "/") + segment;
    if (valid_for_ >= 0) {
      if (!path.starts_with("moved/")) return moved(path);
      if (moved_answers_++ >= valid_for_) return net::text_response(403, "expired");
      path.erase(0, 6);
    }
    const auto found = files_.find(path);
    if (found == files_.end() || manner_ == HostManner::lacks_it) {
      return net::text_response(404, "not here");
    }
    if (manner_ == HostManner::answers_500) return net::text_response(500, "confused");
    Bytes bytes = found->second;
    const bool changed = number >= changes_after_;
    if (changed) std::fill(bytes.begin(), bytes.end(), std::uint8_t{7});
    net::HttpResponse response = part_of(bytes, request);
    response.headers.set("ETag", changed ? "\"two\"" : "\"one\"");
    return response;
  }

  net::HttpResponse moved(const std::string& path) {
    ++redirections_;
    moved_answers_ = 0;
    net::HttpResponse response = net::text_response(302, "elsewhere");
    response.headers.set("Location",
                         fmt::format("/moved/{}?signature={}", path, redirections_.load()));
    return response;
  }

  net::HttpResponse part_of(const Bytes& bytes, const net::HttpRequest& request) {
    const auto range = net::resolve_range(request.headers.get_or("Range", ""), bytes.size());
    net::HttpResponse response;
    if (range.outcome == net::RangeOutcome::unsatisfiable) {
      response = net::text_response(416, "not so far");
      response.headers.set("Content-Range", net::unsatisfied_content_range(bytes.size()));
      return response;
    }
    net::ByteRange sent{0, bytes.size()};
    if (range.outcome == net::RangeOutcome::partial && manner_ != HostManner::ignores_range) {
      sent = range.range;
      if (manner_ == HostManner::other_range) sent.first = 0;
      response.status = 206;
      const std::uint64_t size = bytes.size() + (manner_ == HostManner::lies_about_size ? 1 : 0);
      if (manner_ != HostManner::says_nothing) {
        response.headers.set("Content-Range", net::content_range(sent, size));
      }
    }
    const ByteView view = ByteView(bytes).subspan(sent.first, sent.length);
    std::string body(as_text(view));
    if (manner_ == HostManner::garbage) body.assign(body.size(), 'g');
    if (manner_ == HostManner::too_little) body.pop_back();
    response.body = std::move(body);
    return response;
  }

  std::map<std::string, Bytes> files_;
  HostManner manner_;
  Duration delay_{};
  int changes_after_ = 1 << 30;
  int valid_for_ = -1;
  std::atomic<int> moved_answers_ = 0;
  std::atomic<int> requests_ = 0;
  std::atomic<int> redirections_ = 0;
  IoThread io_{1, "files"};
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace accel::exchange::testing
