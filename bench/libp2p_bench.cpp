// SPDX-License-Identifier: Apache-2.0
// One stream between two hosts of this process on loopback, each on its own thread, over Noise and
// over TLS; beside it the parts: sealing and opening alone, Yamux framing alone, and sealing, TCP
// and opening without a muxer (the ceiling).
// usage: libp2p_bench [MEBIBYTES]
#include <boost/asio/ip/tcp.hpp>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <thread>

#include "../src/libp2p/link.hpp"
#include "../src/libp2p/noise.hpp"
#include "../src/libp2p/yamux_session.hpp"
#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/libp2p/host.hpp"
#include "cpu_seconds.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;

constexpr std::size_t kMebibyte = std::size_t{1} << 20U;
constexpr std::size_t kPiece = std::size_t{256} << 10U;

template <class F>
void measure(const char* what, std::size_t bytes, F work) {
  const double cpu = cpu_seconds();
  const SteadyTime began = system_clock().now();
  work();
  const double seconds = std::chrono::duration<double>(system_clock().now() - began).count();
  fmt::print("{:34} {:8.0f} MB/s  {:5.2f} CPU s/GiB\n", what,
             static_cast<double>(bytes) / 1e6 / seconds,
             (cpu_seconds() - cpu) / (static_cast<double>(bytes) / (1024.0 * 1048576.0)));
}

struct Keys {
  Keys() {
    system_random().fill(there.writable());
    system_random().fill(back.writable());
  }
  crypto::Secret32 there;
  crypto::Secret32 back;
};

void seal_and_open(std::size_t bytes) {
  const Keys keys;
  const auto left = make_noise_codec(keys.there, keys.back);
  const auto right = make_noise_codec(keys.back, keys.there);
  const Bytes piece(kPiece, 7);
  RawBuffer wire;
  RawBuffer plain;
  for (std::size_t done = 0; done < bytes; done += kPiece) {
    if (!left->seal(piece, wire) || !right->open(wire, plain)) std::abort();
    plain.clear();
  }
}

void frame(std::size_t bytes) {
  YamuxSession left({.dialer = true});
  YamuxSession right({});
  const auto id = left.open().value();
  const Bytes piece(kPiece, 7);
  std::vector<std::byte> into(kPiece);
  RawBuffer wire;
  const auto pass = [&wire](YamuxSession& from, YamuxSession& to) {
    from.take_output(wire);
    if (!to.receive(wire.view(), {})) std::abort();
  };
  for (std::size_t done = 0; done < bytes;) {
    while (const std::size_t part = left.write(id, piece).value()) done += part;
    pass(left, right);
    while (right.read(id, into, {}).value().value_or(0) > 0) {
    }
    pass(right, left);
  }
}

Task<void> send_sealed(Link& link, SecureCodec& codec, std::size_t bytes) {
  const Bytes piece(kPiece, 7);
  RawBuffer wire;
  for (std::size_t done = 0; done < bytes; done += kPiece) {
    ACCEL_CO_CHECK(codec.seal(piece, wire));
    const Status sent = co_await link.send(wire);
    ACCEL_CO_CHECK(sent);
  }
  co_return Status{};
}

Task<void> take_sealed(Link& link, SecureCodec& codec, std::size_t bytes) {
  RawBuffer plain;
  for (std::size_t done = 0; done < bytes; plain.clear()) {
    const Status filled = co_await link.fill();
    ACCEL_CO_CHECK(filled);
    ACCEL_CO_CHECK(codec.open(link.in(), plain));
    done += plain.size();
  }
  co_return Status{};
}

void ceiling(std::size_t bytes) {
  IoThread left_io;
  IoThread right_io;
  const Keys keys;
  const auto left = make_noise_codec(keys.there, keys.back);
  const auto right = make_noise_codec(keys.back, keys.there);
  using Tcp = asio::ip::tcp;
  Tcp::acceptor acceptor(right_io.executor(), {asio::ip::address_v4::loopback(), 0});
  Tcp::socket dialed(left_io.executor());
  dialed.connect(acceptor.local_endpoint());
  Link in(Tcp::socket(acceptor.accept(right_io.executor())));
  Link out(std::move(dialed));
  std::jthread sending([&] {  // tidy: thread: a program that measures
    (void)sync_wait(left_io.executor(), send_sealed(out, *left, bytes));
  });
  if (!sync_wait(right_io.executor(), take_sealed(in, *right, bytes))) std::abort();
}

Task<void> swallow(std::unique_ptr<Stream> stream) {
  std::vector<std::byte> into(kPiece);
  for (;;) {
    const auto read = co_await stream->read_some(into);
    ACCEL_CO_CHECK(read);
    if (*read == 0) break;
  }
  co_return co_await stream->close_write();
}

Task<void> pour(Host& host, PeerId peer, std::size_t bytes) {
  std::vector<std::string> protocols{"/bench"};
  auto stream = co_await host.open(peer, std::move(protocols));
  if (!stream) co_return fail(stream.error());
  const Bytes piece(kPiece, 7);
  for (std::size_t done = 0; done < bytes; done += kPiece) {
    const Status sent = co_await (*stream)->write_all(piece);
    ACCEL_CO_CHECK(sent);
  }
  const Status closed = co_await (*stream)->close_write();
  ACCEL_CO_CHECK(closed);
  std::array<std::byte, 1> end{};
  const auto read = co_await (*stream)->read_some(end);  // The other side has it all.
  ACCEL_CO_CHECK(read);
  co_return Status{};
}

void between_hosts(const char* what, Security security, std::size_t bytes) {
  IoThread left_io;
  IoThread right_io;
  HostOptions listening;
  listening.security = {security};
  listening.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
  HostOptions dialing;
  dialing.security = {security};
  const auto right = Host::start(right_io.executor(), listening).value();
  const auto left = Host::start(left_io.executor(), dialing).value();
  right->handle("/bench", swallow);
  const auto address = right->addresses().at(0).with_peer(right->id());
  if (!sync_wait(left_io.executor(), left->connect(address))) std::abort();
  measure(what, bytes, [&] {
    const auto poured = sync_wait(left_io.executor(), pour(*left, right->id(), bytes));
    if (!poured) fmt::print("failed: {}\n", poured.error().to_string());
  });
  (void)sync_wait(left_io.executor(), left->shutdown());
  (void)sync_wait(right_io.executor(), right->shutdown());
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t bytes = (argc > 1 ? std::stoul(argv[1]) : 1024) * kMebibyte;
  std::string load;
  std::getline(std::ifstream("/proc/loadavg"), load);
  fmt::print("{} MiB, pieces of 256 KiB, two threads of one process, loopback; load {}\n",
             bytes / kMebibyte, load);
  measure("Noise, seal and open, one thread", bytes, [&] { seal_and_open(bytes); });
  measure("Yamux framing, one thread", bytes, [&] { frame(bytes); });
  measure("Noise, seal | TCP | open (ceiling)", bytes, [&] { ceiling(bytes); });
  between_hosts("a stream over Noise and Yamux", Security::noise, bytes);
  between_hosts("a stream over TLS 1.3 and Yamux", Security::tls, bytes);
  return 0;
}
