// SPDX-License-Identifier: Apache-2.0
#pragma once
// A home with a node and its server, and blocking clients over real sockets. For tests of server.

#include "accel/server/api_server.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>

#include "accel/core/async/io.hpp"
#include "accel/core/async/offload.hpp"
#include "accel/core/file.hpp"
#include "accel/core/random.hpp"
#include "accel/node/settings.hpp"
#include "accel/server/api_frames.hpp"

namespace accel::server {

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::uint16_t port_of(const std::string& url) {
  return static_cast<std::uint16_t>(std::stoul(url.substr(url.rfind(':') + 1)));
}

// A blocking client that says exactly what the test tells it to, and reads only when told.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  explicit RawClient(const std::filesystem::path& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(&address.sun_path[0], path.c_str(), sizeof(address.sun_path) - 1);
    connect_to(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  void send(std::string_view text) {
    EXPECT_EQ(::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void post(std::string_view method, std::string_view body, std::string_view headers = {}) {
    send(
        fmt::format("POST /api/v1/{} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Length: {}\r\n\r\n{}",
                    method, headers, body.size(), body));
  }
  // Up to and including `end`, or what came until the connection ended or 10 s passed.
  std::string read_until(std::string_view end) {
    std::string text;
    std::array<char, 65536> piece{};
    while (end.empty() || !contains(text, end)) {
      const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
      if (got <= 0) break;
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  std::string read_to_end() { return read_until({}); }
  std::string read_answer() { return read_until("\r\n0\r\n\r\n"); }
  // True when the server closes within the time.
  bool is_closed_within(std::chrono::milliseconds time) {
    pollfd look{fd_.get(), POLLRDHUP, 0};
    return ::poll(&look, 1, static_cast<int>(time.count())) > 0;
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    fd_.reset();
  }

 private:
  void connect_to(const sockaddr* address, socklen_t length) {
    const timeval patience{10, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    EXPECT_EQ(::connect(fd_.get(), address, length), 0);
  }
  UniqueFd fd_;
};

// A home with a node and its server, and a file of 64 MiB in the store: more than sockets buffer.
class ApiServerTest : public testing::Test {
 protected:
  ApiServerTest()
      : root_(std::filesystem::temp_directory_path() /
              ("accel-api-" + random_hex(system_random(), 8))),
        home_{root_ / "home"} {
    std::filesystem::create_directories(home_.root);
    config_ = std::make_unique<Config>(
        node::load_settings({.home = home_, .project_file = {}, .command_line = {}}).value());
    node_ = node::Node::open({.home = home_.root, .is_daemon = true}, *config_).value();
  }
  ~ApiServerTest() override {
    server_.reset();
    node_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  void start(const net::ServerLimits& limits = api_limits(), std::size_t workers = 2,
             bool kubo_rpc = false) {
    ServerOptions options;
    options.api = net::TcpEndpoint{};
    options.gateway = net::TcpEndpoint{};
    options.workers = workers;
    options.limits = limits;
    options.kubo_rpc = kubo_rpc;
    auto server = ApiServer::start(*node_, home_, options);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }

  RawClient tcp() { return RawClient(port_of(server_->api_address())); }
  RawClient local() { return RawClient(home_.api_socket()); }
  std::string bearer() { return "Authorization: Bearer " + home_.token().value() + "\r\n"; }

  std::string key_of(std::string_view role, nlohmann::json params = nlohmann::json::object()) {
    params["role"] = role;
    return node_->call("api_keys.create", params, {}, {}, node::Caller::process)
        .value()
        .at("key")
        .get<std::string>();
  }

  std::filesystem::path write_file(const std::string& name, std::size_t size) {
    Bytes bytes(size);
    SeededRandom random(size);
    random.fill(bytes);
    EXPECT_TRUE(write_file_atomic(root_ / name, bytes).has_value());
    return root_ / name;
  }
  std::string add(const std::filesystem::path& path, bool only_hash = false) {
    const nlohmann::json params{{"path", path.string()}, {"only_hash", only_hash}};
    return node_->call("content.add", params, {}, {}, node::Caller::process)
        .value()
        .at("cid")
        .get<std::string>();
  }
  bool has(const std::string& cid) {
    return node_
        ->call("content.cat", {{"target", cid}, {"length", 1}}, {}, {}, node::Caller::process)
        .has_value();
  }
  // A client that asks for more than sockets hold and then reads nothing.
  RawClient stalled(const std::string& cid) {
    RawClient client = local();
    client.post("content.cat", nlohmann::json{{"target", cid}}.dump());
    EXPECT_TRUE(contains(client.read_until("\r\n\r\n"), "200 OK"));
    return client;
  }

  std::filesystem::path root_;
  node::Home home_;
  std::unique_ptr<Config> config_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<ApiServer> server_;
};

}  // namespace accel::server
