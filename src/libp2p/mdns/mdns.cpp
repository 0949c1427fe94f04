// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/mdns.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstring>

#include "accel/core/async/task_group.hpp"
#include "accel/core/async/with_timeout.hpp"
#include "accel/core/log.hpp"
#include "accel/core/random.hpp"
#include "address_filter.hpp"
#include "mdns/message.hpp"
#include "signal.hpp"

namespace accel::libp2p {
namespace {

using Udp = asio::ip::udp;
namespace multicast = asio::ip::multicast;

const asio::ip::address_v4 kGroup({224, 0, 0, 251});
constexpr std::size_t kInstanceBytes = 20;  // 40 characters; the specification asks for 32.
constexpr std::chrono::milliseconds kPauseAfterError{500};
constexpr std::size_t kMaxInterfaces = 16;

}  // namespace

struct Mdns::Impl : std::enable_shared_from_this<Mdns::Impl> {
  Impl(Executor on, Host& of, Metrics& metrics, MdnsOptions with)
      : executor(std::move(on)),
        host(of),
        options(std::move(with)),
        socket(executor),
        instance(random_hex(system_random(), kInstanceBytes)),
        heard(metrics.counter("accel_mdns_peers_heard_total", "Addresses of peers that mDNS told")),
        bad(metrics.counter("accel_mdns_bad_messages_total", "Messages that could not be read")),
        tasks(executor, "mdns") {}

  Status open();
  Task<void> listen(std::shared_ptr<Impl> self);
  Task<void> ask(std::shared_ptr<Impl> self);
  Task<void> answer();
  Task<void> send(Bytes message);
  Task<void> meet(std::shared_ptr<Impl> self, PeerId peer, std::vector<Multiaddr> addresses);
  void take(ByteView bytes, const Udp::endpoint& from);
  Bytes announcement() const;

  Executor executor;
  Host& host;
  MdnsOptions options;
  Udp::socket socket;
  std::vector<asio::ip::address_v4> joined;
  std::string instance;
  Counter& heard;
  Counter& bad;
  std::size_t dialing = 0;
  bool answering = false;
  TaskGroup tasks;
};

Status Mdns::Impl::open() {
  boost::system::error_code ec;
  socket.open(Udp::v4(), ec);
  if (!ec) socket.set_option(asio::socket_base::reuse_address(true), ec);
  const int on = 1;  // avahi and others have the port as well.
  if (!ec) ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (!ec) socket.bind(Udp::endpoint(asio::ip::address_v4::any(), options.port), ec);
  if (!ec) socket.set_option(multicast::enable_loopback(true), ec);
  if (ec) {
    return fail(Error{Errc::unavailable,
                      fmt::format("The port {} of mDNS can't be used.", options.port),
                      ec.message()});
  }
  for (const std::string& text : options.interfaces) {
    const auto ip = asio::ip::make_address_v4(text, ec);
    if (!ec) socket.set_option(multicast::join_group(kGroup, ip), ec);
    if (!ec && joined.size() < kMaxInterfaces) joined.push_back(ip);
  }
  if (!joined.empty()) return {};
  return fail(Errc::unavailable, "No interface of this machine takes multicast.");
}

Bytes Mdns::Impl::announcement() const {
  const bool loopback =
      std::ranges::any_of(joined, [](const auto& ip) { return ip.is_loopback(); });
  mdns::Announcement mine{instance, {}, {}, 0};
  for (const Multiaddr& address : filtered({false, loopback}, host.addresses())) {
    mine.addresses.push_back(address.with_peer(host.id()));
    if (const auto target = address.tcp(); target && mine.port == 0) mine.port = target->port;
  }
  if (mine.addresses.empty()) return {};
  for (const auto& ip : joined) mine.ips.push_back(ip.to_bytes());
  return mdns::encode_answer(mine);
}

Task<void> Mdns::Impl::send(Bytes message) {
  for (const asio::ip::address_v4& ip : joined) {
    boost::system::error_code ec;
    socket.set_option(multicast::outbound_interface(ip), ec);
    if (ec) continue;
    const Udp::endpoint group(kGroup, options.port);
    const auto sent = co_await socket.async_send_to(asio::buffer(message), group, kAsTuple);
    static_cast<void>(sent);  // Asked again later.
  }
  co_return Status{};
}

Task<void> Mdns::Impl::ask(std::shared_ptr<Impl>) {
  Duration pause = options.first_pause;
  auto announcing = send(announcement());  // Who is here hears at once of who comes.
  const Status announced = co_await std::move(announcing);
  ACCEL_CO_CHECK(announced);
  for (;;) {
    auto asking = send(mdns::encode_question());
    const Status asked = co_await std::move(asking);
    ACCEL_CO_CHECK(asked);
    const Status waited = co_await delay(pause);
    ACCEL_CO_CHECK(waited);
    pause = std::min(2 * pause, options.longest_pause);
  }
}

Task<void> Mdns::Impl::answer() {
  auto sending = send(announcement());
  const Status sent = co_await std::move(sending);
  ACCEL_CO_CHECK(sent);
  const Status waited = co_await delay(options.answer_pause);
  answering = false;
  co_return waited;
}

Task<void> Mdns::Impl::meet(std::shared_ptr<Impl>, PeerId peer, std::vector<Multiaddr> addresses) {
  struct Leave {
    std::size_t& dialing;
    ~Leave() { --dialing; }
  };
  const Leave leave{dialing};
  auto reaching = host.reach(std::move(peer), std::move(addresses));
  const Status reached = co_await std::move(reaching);
  if (!reached) log::debug("mdns", reached.error().to_string());
  co_return Status{};
}

void Mdns::Impl::take(ByteView bytes, const Udp::endpoint& from) {
  const auto remote = Multiaddr::of_tcp(from.address().to_string(), from.port());
  const auto message = mdns::decode(bytes);
  if (!message || !remote) return bad.add();
  const AddressRules rules{false, from.address().is_loopback()};
  if (!belongs({false, true}, *remote)) return;  // From beyond this network.
  if (message->asks_for_peers && !std::exchange(answering, true)) tasks.spawn(answer());
  for (auto& [peer, addresses] : mdns::peers_at(*remote, *message)) {
    auto usable = filtered(rules, addresses, &*remote);
    if (peer == host.id() || usable.empty()) continue;
    heard.add();
    if (dialing >= options.dials || host.remote_of(peer)) continue;
    ++dialing;  // Here, for many may be spawned before the first one begins.
    tasks.spawn(meet(shared_from_this(), peer, std::move(usable)));
  }
}

Task<void> Mdns::Impl::listen(std::shared_ptr<Impl>) {
  Bytes buffer(mdns::kMaxMessageBytes);
  for (;;) {
    Udp::endpoint from;
    const auto received = co_await socket.async_receive_from(asio::buffer(buffer), from, kAsTuple);
    const auto& [ec, size] = received;
    if (!ec) {
      take(ByteView(buffer).first(size), from);
      continue;
    }
    const Status paused = co_await delay(kPauseAfterError);
    ACCEL_CO_CHECK(paused);
  }
}

Mdns::Mdns(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Mdns::~Mdns() = default;

Result<std::unique_ptr<Mdns>> Mdns::start(Executor executor, Host& host, Metrics& metrics,
                                          MdnsOptions options) {
  auto impl = std::make_shared<Impl>(std::move(executor), host, metrics, std::move(options));
  ACCEL_CHECK(impl->open());
  impl->tasks.spawn(impl->listen(impl));
  impl->tasks.spawn(impl->ask(impl));
  return std::unique_ptr<Mdns>(new Mdns(std::move(impl)));  // tidy: raw-new: private constructor
}

namespace {

Task<void> join(std::shared_ptr<TaskGroup> tasks) { co_return co_await tasks->join(); }

}  // namespace

Task<void> Mdns::shutdown() {
  const auto impl = impl_;
  impl->tasks.cancel();
  const std::shared_ptr<TaskGroup> tasks(impl, &impl->tasks);  // Owned by the parts of this.
  auto joining = join(tasks);
  const Status joined = co_await std::move(joining);
  static_cast<void>(joined);
  co_return Status{};
}

std::vector<std::string> mdns_interfaces(bool loopback) {
  std::vector<std::string> list;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return list;
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  for (const ifaddrs* at = first; at != nullptr; at = at->ifa_next) {
    const bool has_ip = at->ifa_addr != nullptr && at->ifa_addr->sa_family == AF_INET;
    if (!has_ip || (at->ifa_flags & IFF_UP) == 0) continue;
    sockaddr_in address{};
    std::memcpy(&address, at->ifa_addr, sizeof(address));
    const asio::ip::address_v4 ip(ntohl(address.sin_addr.s_addr));
    const bool takes_multicast = (at->ifa_flags & IFF_MULTICAST) != 0;
    if (ip.is_loopback() ? loopback : takes_multicast) list.push_back(ip.to_string());
  }
  return list;
}

}  // namespace accel::libp2p
