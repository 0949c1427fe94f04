// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the socket tests of net share: a folder of their own, a server with a handler, a client that
// sends raw bytes, and a server that answers from a script, however wrong.

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/core/async/task_group.hpp"
#include "accel/core/file.hpp"
#include "accel/net/http_client.hpp"
#include "accel/net/http_server.hpp"

namespace accel::net {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// A blocking client that says exactly what the test tells it to.
class RawClient {
 public:
  explicit RawClient(const Endpoint& endpoint);
  // False when the server has closed.
  bool send(std::string_view text);
  // Up to and including `end`, or what came until the connection ended or 10 s passed.
  std::string read_until(std::string_view end);
  std::string read_to_end() { return read_until(std::string_view("\0never\0", 7)); }
  // Head and body by Content-Length.
  std::string read_response();
  void close_sending();
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string pending_;
};

// Sends one request and returns everything until the server closes.
std::string send_and_read(const Endpoint& endpoint, std::string_view request);

class TestServer {
 public:
  explicit TestServer(HttpHandler handler, ServerLimits limits = {},
                      Endpoint endpoint = TcpEndpoint{}, HeadCheck check_head = {},
                      std::optional<ServerTls> tls = {}, ReadyHandler ready = {});
  HttpServer& operator*() { return *server_; }
  HttpServer* operator->() { return server_.get(); }
  const Endpoint& endpoint() const { return server_->local(); }
  Url url(std::string_view target) const;
  Executor executor() { return io_.executor(); }

 private:
  IoThread io_;
  std::unique_ptr<HttpServer> server_;
};

// Answers the n-th request of a connection with the n-th text of the connection's script, then
// closes. Connection i plays scripts[i]; later ones play the last. Two texts are special: kHang
// says nothing more, kReset breaks the connection.
class ScriptedServer {
 public:
  using Script = std::vector<std::string>;
  static const std::string kHang;
  static const std::string kReset;

  explicit ScriptedServer(std::vector<Script> scripts, Endpoint endpoint = TcpEndpoint{});
  ~ScriptedServer();
  Url url(std::string_view target) const;
  int connections() const;
  std::vector<std::string> requests() const;  // The heads as they came.

 private:
  struct State;
  static Task<void> accept_all(std::shared_ptr<State> state);
  static Task<void> play(std::shared_ptr<State> state, std::size_t number,
                         std::shared_ptr<class ScriptedPeer> peer);
  IoThread io_;
  std::shared_ptr<State> state_;
};

// A client on its own thread; calls block.
class TestClient {
 public:
  explicit TestClient(ClientOptions options = {});
  Result<HttpReply> get(const Url& url, HttpCall call = {});
  Result<HttpReply> get_into(const Url& url, std::span<std::uint8_t> out, HttpCall call = {});
  HttpClient& operator*() { return client_; }

 private:
  IoThread io_;
  HttpClient client_;
};

// A coroutine without captures as a handler.
Task<HttpResponse> reply_text(int status, std::string text);
// Waits up to 5 s for a condition that another thread makes true.
bool eventually(const std::function<bool()>& condition);

}  // namespace accel::net
