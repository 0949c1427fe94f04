// SPDX-License-Identifier: Apache-2.0
#include "accel/libp2p/perf.hpp"

#include <gtest/gtest.h>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"

namespace accel::libp2p {
namespace {

struct Node {
  Node() {
    HostOptions options;
    options.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
    host = Host::start(io.executor(), std::move(options)).value();
  }
  ~Node() {
    EXPECT_TRUE(sync_wait(io.executor(), host->shutdown()));
    host.reset();
    io.stop();
  }
  Result<PerfReport> measure_to(const Node& other, std::uint64_t up, std::uint64_t down) {
    const auto address = other.host->addresses().at(0).with_peer(other.host->id());
    ACCEL_TRY(const PeerId peer, sync_wait(io.executor(), host->connect(address)));
    return sync_wait(io.executor(), measure(*host, peer, up, down));
  }

  IoThread io;
  std::unique_ptr<Host> host;
};

TEST(Perf, counts_what_went_and_what_came) {
  Node server;
  server.host->handle(std::string(kPerfProtocol), answer_perf);
  Node client;
  const auto report = client.measure_to(server, 3'000'000, 2'000'000).value();
  EXPECT_EQ(report.uploaded_bytes, 3'000'000U);
  EXPECT_EQ(report.downloaded_bytes, 2'000'000U);
  EXPECT_GT(report.upload.count(), 0);
  EXPECT_EQ(client.measure_to(server, 0, 0).value().downloaded_bytes, 1U);
}

TEST(Perf, refuses_what_is_too_much_and_who_does_not_measure) {
  Node server;
  Node client;
  EXPECT_EQ(client.measure_to(server, 1, 1).error().code, Errc::unsupported);
  EXPECT_EQ(client.measure_to(server, kMaxPerfBytes + 1, 1).error().code, Errc::invalid_argument);
}

}  // namespace
}  // namespace accel::libp2p
