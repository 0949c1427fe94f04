// SPDX-License-Identifier: Apache-2.0
#include "remote.hpp"

#include <cstdlib>
#include <limits>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/file.hpp"
#include "accel/net/access.hpp"
#include "accel/net/http_client.hpp"
#include "accel/net/url.hpp"
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
  // A key goes to the node that was named and to no other.
  http.follow_redirects = call.node == nullptr;
  if (call.node != nullptr && !call.node->key.empty())
    http.headers.set("Authorization", "Bearer " + call.node->key);
  return http;
}

// What became of the call, in the words of who typed the command.
Error in_plain_words(Error error, const RemoteCall& call) {
  if (call.stop.stop_requested()) {
    error = stopped(call.method);
  } else if (error.code == Errc::unavailable) {
    error.message =
        "The daemon went away before it had answered; its log may say why. Start it again, or do "
        "the same with --no-daemon.";
  }
  return error;
}

// A node refuses with the line that ends its answers; others in their own words.
Error refusal_of(const net::HttpReply& reply) {
  server::FrameReader reader({});
  const Status read = reader.feed(as_bytes(reply.body));
  auto told = read ? reader.finish() : fail(Error(read.error()));
  const bool is_frame = !told && told.error().code != Errc::protocol && reply.body.ends_with('\n');
  return is_frame ? std::move(told).error() : net::reply_error(reply);
}

constexpr std::uint64_t kMaxKeyFileBytes = 4096;

Result<net::Url> url_of(const RemoteCall& call) {
  const std::string target = "/api/v1/" + call.method;
  if (call.node == nullptr) return net::unix_url(call.socket.string(), target);
  return net::parse_url(call.node->url + target);
}

}  // namespace

Result<RemoteNode> remote_node(const std::string& url, const std::string& key_file,
                               const std::string& ca_file) {
  RemoteNode node{url, {}, ca_file};
  while (node.url.ends_with('/')) node.url.pop_back();
  const auto parsed = net::parse_url(node.url);
  const bool fits =
      parsed && parsed->scheme != "unix" && parsed->authority() != "" && parsed->target() == "/";
  if (!fits) {
    return fail(Errc::invalid_argument,
                "--api takes the URL of a node's API, as https://node.example:5080, not \"{}\".",
                url);
  }
  if (!key_file.empty()) {
    ACCEL_TRY(node.key, read_text_file(key_file, kMaxKeyFileBytes));
    node.key.erase(node.key.find_last_not_of(" \r\n") + 1);
  } else if (const char* const variable = std::getenv("IPFS_ACCELERATE_API_KEY")) {
    node.key = variable;
  }
  const bool clear = parsed->scheme == "http" && !net::is_loopback_host(parsed->host);
  if (!clear || node.key.empty()) return node;
  return fail(Errc::invalid_argument,
              "The key would travel to {} in clear; use https, or a tunnel to this machine.",
              parsed->host);
}

Error stopped(std::string_view method) {
  const bool keeps =
      method.starts_with("content.") || method.starts_with("dag.") || method.starts_with("store.");
  return {Errc::cancelled,
          keeps ? "Stopped. What is complete stays; the same command goes on from it." : "Stopped.",
          {}};
}

Result<nlohmann::json> call_remote(const RemoteCall& call,
                                   const std::function<void(const nlohmann::json&)>& on_progress,
                                   const std::function<Status(ByteView)>& on_bytes) {
  ACCEL_TRY(net::Url url, url_of(call));
  server::FrameReader reader({on_progress, on_bytes});
  IoThread io(1, "client");
  net::ClientOptions options;
  options.idle_timeout = kPatience;
  if (call.node != nullptr) options.ca_file = call.node->ca_file;
  net::HttpClient client(io.executor(), options);
  auto request = client.request(std::move(url), http_call_of(call, reader));
  const auto reply = sync_wait(io.executor(), std::move(request), call.stop);
  if (!reply && call.node != nullptr && !call.stop.stop_requested())
    return fail(Error(reply.error()));
  if (!reply) return fail(in_plain_words(reply.error(), call));
  if (!reply->ok()) return fail(refusal_of(*reply));
  return reader.finish();
}

}  // namespace accel::cli
