// SPDX-License-Identifier: Apache-2.0
#include "remote.hpp"

#include <limits>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/net/http_client.hpp"
#include "accel/server/api_frames.hpp"

namespace accel::cli {
namespace {

constexpr auto kPatience = std::chrono::hours(24 * 365);  // Ctrl-C ends a method, not a timer.

net::HttpCall http_call_of(const RemoteCall& call, server::FrameReader& reader) {
  net::HttpCall http;
  http.method = "POST";
  http.headers.set("Content-Type", "application/json");
  http.body = call.params.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  http.max_body_bytes = std::numeric_limits<std::uint64_t>::max();  // FrameReader has the limits.
  http.on_chunk = [&reader](ByteView piece) { return reader.feed(piece); };
  http.stop = call.stop;
  return http;
}

// What became of the call, in the words of who typed the command.
Error in_plain_words(Error error, const std::stop_token& stop) {
  if (stop.stop_requested()) {
    error = {
        Errc::cancelled, "Stopped. What is complete stays; the same command goes on from it.", {}};
  } else if (error.code == Errc::unavailable) {
    error.message =
        "The daemon went away before it had answered; its log may say why. Start it again, or do "
        "the same with --no-daemon.";
  }
  return error;
}

}  // namespace

Result<nlohmann::json> call_remote(const RemoteCall& call,
                                   const std::function<void(const nlohmann::json&)>& on_progress,
                                   const std::function<Status(ByteView)>& on_bytes) {
  ACCEL_TRY(net::Url url, net::unix_url(call.socket.string(), "/api/v1/" + call.method));
  server::FrameReader reader({on_progress, on_bytes});
  IoThread io(1, "client");
  net::ClientOptions options;
  options.idle_timeout = kPatience;
  net::HttpClient client(io.executor(), options);
  auto request = client.request(std::move(url), http_call_of(call, reader));
  const auto reply = sync_wait(io.executor(), std::move(request), call.stop);
  if (!reply) return fail(in_plain_words(reply.error(), call.stop));
  if (!reply->ok()) return fail(net::reply_error(*reply));
  return reader.finish();
}

}  // namespace accel::cli
