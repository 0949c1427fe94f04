// SPDX-License-Identifier: Apache-2.0
// What an idle connection costs the node that was dialed: resident memory of a process with one
// host, before and with so many connections from another process, after identify and a ping.
// usage: libp2p_idle [CONNECTIONS]
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "accel/core/async/io.hpp"
#include "accel/core/async/sync_wait.hpp"
#include "accel/libp2p/host.hpp"

namespace {

using namespace accel;
using namespace accel::libp2p;

constexpr Duration kQuiet = std::chrono::seconds(2);

HostOptions options_of(Security security, std::size_t connections) {
  HostOptions options;
  options.security = {security};
  options.limits.connections = 2 * connections;
  options.limits.connections_per_ip = connections;
  options.limits.inbound_handshakes = connections;
  options.limits.handshakes_per_ip = connections;
  return options;
}

std::size_t resident_kib() {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

Task<std::size_t> count(Host& host) { co_return host.connections().size(); }

// The child: serves, and answers each line with its connections and its memory.
int serve(Security security, std::size_t connections, FILE* in, FILE* out) {
  IoThread io;
  HostOptions options = options_of(security, connections);
  options.listen = {Multiaddr::parse("/ip4/127.0.0.1/tcp/0").value()};
  const auto host = Host::start(io.executor(), std::move(options)).value();
  fmt::print(out, "{}\n", host->addresses().at(0).with_peer(host->id()).to_string());
  std::fflush(out);
  while (std::fgetc(in) != EOF) {
    fmt::print(out, "{} {}\n", sync_wait(io.executor(), count(*host)).value(), resident_kib());
    std::fflush(out);
  }
  (void)sync_wait(io.executor(), host->shutdown());
  return 0;
}

struct Child {
  pid_t pid = 0;
  FILE* to = nullptr;
  FILE* from = nullptr;

  std::string ask() const {
    std::fputc('\n', to);
    std::fflush(to);
    return line();
  }
  std::string line() const {
    std::array<char, 256> text{};
    if (std::fgets(text.data(), text.size(), from) == nullptr) std::abort();
    return text.data();
  }
};

Child start(Security security, std::size_t connections) {
  std::array<int, 2> down{};
  std::array<int, 2> up{};
  if (::pipe(down.data()) != 0 || ::pipe(up.data()) != 0) std::abort();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(down[1]);
    ::close(up[0]);
    std::_Exit(serve(security, connections, ::fdopen(down[0], "r"), ::fdopen(up[1], "w")));
  }
  ::close(down[0]);
  ::close(up[1]);
  return {pid, ::fdopen(down[1], "w"), ::fdopen(up[0], "r")};
}

void measure(const char* name, Security security, std::size_t connections) {
  const Child child = start(security, connections);
  std::string text = child.line();
  text.pop_back();
  const auto address = Multiaddr::parse(text).value();
  std::size_t peers = 0;
  std::size_t before_kib = 0;
  std::size_t after_kib = 0;
  std::sscanf(child.ask().c_str(), "%zu %zu", &peers, &before_kib);
  {
    IoThread io;
    std::vector<std::unique_ptr<Host>> hosts;
    for (std::size_t i = 0; i < connections; ++i) {
      hosts.push_back(Host::start(io.executor(), options_of(security, 4)).value());
      const auto peer = sync_wait(io.executor(), hosts.back()->connect(address));
      if (!peer || !sync_wait(io.executor(), hosts.back()->ping(*peer))) std::abort();
    }
    (void)sync_wait(io.executor(), delay(kQuiet));
    std::sscanf(child.ask().c_str(), "%zu %zu", &peers, &after_kib);
    for (const auto& host : hosts) (void)sync_wait(io.executor(), host->shutdown());
  }
  fmt::print("{:6} {} connections: {:.1f} MiB before, {:.1f} MiB with them, {:.1f} KiB each\n",
             name, peers, static_cast<double>(before_kib) / 1024,
             static_cast<double>(after_kib) / 1024,
             static_cast<double>(after_kib - before_kib) / static_cast<double>(peers));
  std::fclose(child.to);
  std::fclose(child.from);
  ::waitpid(child.pid, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t connections = argc > 1 ? std::stoul(argv[1]) : 1000;
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  measure("noise", Security::noise, connections);
  measure("tls", Security::tls, connections);
  return 0;
}
