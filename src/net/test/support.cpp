// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/write.hpp>
#include <mutex>

#include "accel/core/random.hpp"
#include "listener.hpp"
#include "socket.hpp"
#include "unix_address.hpp"

namespace accel::net {
namespace {

constexpr int kPatienceSeconds = 10;

UniqueFd connect_to(const Endpoint& endpoint) {
  if (const auto* local = std::get_if<UnixEndpoint>(&endpoint)) {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = unix_address(local->path);
    EXPECT_TRUE(address.has_value());
    EXPECT_EQ(::connect(fd.get(), address->get(), address->length), 0);
    return fd;
  }
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::get<TcpEndpoint>(endpoint).port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

Url url_at(const Endpoint& endpoint, std::string_view target) {
  if (const auto* local = std::get_if<UnixEndpoint>(&endpoint)) {
    return unix_url(local->path.string(), target).value();
  }
  return parse_url(base_url(endpoint) + std::string(target)).value();
}

}  // namespace

TempDir::TempDir()
    : path_(std::filesystem::temp_directory_path() /
            ("accel-net-" + random_hex(system_random(), 8))) {
  std::filesystem::create_directories(path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

RawClient::RawClient(const Endpoint& endpoint) : fd_(connect_to(endpoint)) {
  const timeval patience{kPatienceSeconds, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

bool RawClient::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawClient::read_until(std::string_view end) {
  std::array<char, 65536> piece{};
  while (pending_.find(end) == std::string::npos) {
    const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
    if (got <= 0) return std::exchange(pending_, {});
    pending_.append(piece.data(), static_cast<std::size_t>(got));
  }
  const std::size_t size = pending_.find(end) + end.size();
  std::string text = pending_.substr(0, size);
  pending_.erase(0, size);
  return text;
}

std::string RawClient::read_response() {
  std::string text = read_until("\r\n\r\n");
  const std::size_t at = text.find("Content-Length: ");
  if (at == std::string::npos) return text;
  const std::size_t wanted = text.size() + std::stoul(text.substr(at + 16));
  std::array<char, 65536> piece{};
  while (text.size() < wanted) {
    if (pending_.empty()) {
      const ssize_t got = ::recv(fd_.get(), piece.data(), piece.size(), 0);
      if (got <= 0) break;
      pending_.append(piece.data(), static_cast<std::size_t>(got));
    }
    const std::size_t part = std::min(pending_.size(), wanted - text.size());
    text += pending_.substr(0, part);
    pending_.erase(0, part);
  }
  return text;
}

void RawClient::close_sending() { ::shutdown(fd_.get(), SHUT_WR); }

std::string send_and_read(const Endpoint& endpoint, std::string_view request) {
  RawClient client(endpoint);
  client.send(request);
  return client.read_to_end();
}

TestServer::TestServer(HttpHandler handler, ServerLimits limits, Endpoint endpoint,
                       HeadCheck check_head, std::optional<ServerTls> tls, ReadyHandler ready) {
  ServerOptions options{limits, std::move(check_head), std::move(tls), std::move(ready)};
  auto server = HttpServer::listen(io_.executor(), std::move(endpoint), std::move(handler),
                                   std::move(options));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  server_ = std::move(*server);
}

Url TestServer::url(std::string_view target) const { return url_at(endpoint(), target); }

const std::string ScriptedServer::kHang = "<hang>";
const std::string ScriptedServer::kReset = "<reset>";

struct ScriptedServer::State {
  State(const Executor& executor, std::vector<Script> plays, const Endpoint& endpoint)
      : scripts(std::move(plays)), acceptor(executor), group(executor, "script") {
    auto opened = open_listener(endpoint);
    EXPECT_TRUE(opened.has_value()) << opened.error().message;
    listener = std::move(*opened);
    acceptor.assign({listener.family, 0}, listener.fd.release());
  }
  std::vector<Script> scripts;
  Listener listener;
  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor;
  TaskGroup group;
  std::atomic<int> connections{0};
  mutable std::mutex mutex;
  std::vector<std::string> requests;
};

class ScriptedPeer {
 public:
  explicit ScriptedPeer(Socket open) : socket(std::move(open)) {}
  Socket socket;
};

ScriptedServer::ScriptedServer(std::vector<Script> scripts, Endpoint endpoint)
    : state_(std::make_shared<State>(io_.executor(), std::move(scripts), endpoint)) {
  state_->group.spawn(accept_all(state_));
}

ScriptedServer::~ScriptedServer() {
  state_->group.cancel();
  const Status ended = sync_wait(io_.executor(), state_->group.join());
  static_cast<void>(ended);
}

Task<void> ScriptedServer::accept_all(std::shared_ptr<State> state) {
  while (true) {
    Socket socket(state->acceptor.get_executor());
    const auto accepted = co_await state->acceptor.async_accept(socket, kAsTuple);
    if (std::get<0>(accepted)) co_return Status{};
    const auto number = static_cast<std::size_t>(state->connections++);
    state->group.spawn(play(state, number, std::make_shared<ScriptedPeer>(std::move(socket))));
  }
}

Task<void> ScriptedServer::play(std::shared_ptr<State> state, std::size_t number,
                                std::shared_ptr<ScriptedPeer> peer) {
  const Script script = state->scripts.at(std::min(number, state->scripts.size() - 1));
  std::string arrived;
  for (const std::string& line : script) {
    while (arrived.find("\r\n\r\n") == std::string::npos) {
      std::array<char, 4096> piece{};
      const auto space = asio::buffer(piece);
      const auto got = co_await peer->socket.async_read_some(space, kAsTuple);
      if (std::get<0>(got)) co_return Status{};
      arrived.append(piece.data(), std::get<1>(got));
    }
    {
      const std::lock_guard lock(state->mutex);
      state->requests.push_back(arrived);
    }
    arrived.clear();
    if (line == kHang) {
      asio::steady_timer never(peer->socket.get_executor(), std::chrono::hours(1));
      co_await never.async_wait(kAsTuple);
      co_return Status{};
    }
    if (line == kReset) {
      peer->socket.set_option(asio::socket_base::linger(true, 0));
      co_return Status{};
    }
    const auto text = asio::buffer(line);
    const auto sent = co_await asio::async_write(peer->socket, text, kAsTuple);
    if (std::get<0>(sent)) co_return Status{};
  }
  co_return Status{};
}

Url ScriptedServer::url(std::string_view target) const {
  return url_at(state_->listener.local, target);
}
int ScriptedServer::connections() const { return state_->connections.load(); }
std::vector<std::string> ScriptedServer::requests() const {
  const std::lock_guard lock(state_->mutex);
  return state_->requests;
}

TestClient::TestClient(ClientOptions options) : client_(io_.executor(), std::move(options)) {}

Result<HttpReply> TestClient::get(const Url& url, HttpCall call) {
  return sync_wait(io_.executor(), client_.request(url, std::move(call)));
}

Result<HttpReply> TestClient::get_into(const Url& url, std::span<std::uint8_t> out, HttpCall call) {
  return sync_wait(io_.executor(), client_.get_into(url, std::move(call), out));
}

Task<HttpResponse> reply_text(int status, std::string text) {
  co_return text_response(status, std::move(text));
}

bool eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    ::poll(nullptr, 0, 5);
  }
  return true;
}

}  // namespace accel::net
