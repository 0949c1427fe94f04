// SPDX-License-Identifier: Apache-2.0
#include "peers/http_streams.hpp"

#include "accel/net/carried_http.hpp"

namespace accel::node {
namespace {

constexpr std::string_view kHttpProtocol = "/http/1.1";
// Of which protocol is found where; only the gateway is here.
constexpr std::string_view kWellKnown = "/.well-known/libp2p/protocols";
constexpr std::string_view kProtocols = R"({"/ipfs/gateway":{"path":"/"}})";
// Each may hold one lot of a CAR in memory.
constexpr std::size_t kStreamsPerPeer = 16;
constexpr std::size_t kStreamsPerMachine = 48;  // Peers behind one address, or one with many ids.
constexpr std::size_t kStreams = 128;
constexpr std::uint64_t kLotBytes = std::uint64_t{256} << 10U;

// Names and hosts mean nothing here; who may have how many at a time is counted by peer below.
gateway::GatewayOptions blocks_alone() {
  gateway::GatewayOptions options;
  options.hosts.clear();
  options.limits.max_requests_per_client = 0;
  options.limits.stream_piece_bytes = kLotBytes;
  options.only_blocks = true;
  return options;
}

Task<net::HttpResponse> well_known() { co_return net::json_response(200, std::string(kProtocols)); }

class StreamCarrier final : public net::HttpCarrier {
 public:
  explicit StreamCarrier(libp2p::Stream& stream) : stream_(stream) {}
  Task<std::size_t> read_some(std::span<char> out) override {
    return stream_.read_some(std::as_writable_bytes(out));
  }
  Task<void> write_all(std::string_view bytes) override {
    return stream_.write_all(as_bytes(bytes));
  }

 private:
  libp2p::Stream& stream_;
};

}  // namespace

HttpStreams::HttpStreams(const blockstore::Store& store, OffloadPool& pool, Metrics& metrics)
    : gateway_(store, pool, metrics, blocks_alone()) {}

// One stream under way, counted for as long as this lives.
class HttpStreams::Place {
 public:
  Place(HttpStreams& streams, const Guest& guest)
      : all_(streams.all_),
        peer_(streams.of_peer_[guest.peer]),
        machine_(streams.of_machine_[guest.machine]) {
    for (std::size_t* count : {&all_, &peer_, &machine_}) ++*count;
  }
  ~Place() {
    for (std::size_t* count : {&all_, &peer_, &machine_}) --*count;
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  std::size_t& all_;
  std::size_t& peer_;
  std::size_t& machine_;
};

void HttpStreams::attach(libp2p::Host& host) {
  host.handle(std::string(kHttpProtocol), [this, &host](std::unique_ptr<libp2p::Stream> stream) {
    Guest guest{stream->peer(), host.machine_of(stream->peer())};
    return serve(std::move(stream), std::move(guest));
  });
}

bool HttpStreams::has_place(const Guest& guest) {
  const auto is_idle = [](const auto& entry) { return entry.second == 0; };
  std::erase_if(of_peer_, is_idle);
  std::erase_if(of_machine_, is_idle);
  const auto peer = of_peer_.find(guest.peer);
  const auto machine = of_machine_.find(guest.machine);
  return all_ < kStreams && (peer == of_peer_.end() || peer->second < kStreamsPerPeer) &&
         (machine == of_machine_.end() || machine->second < kStreamsPerMachine);
}

Task<void> HttpStreams::serve(std::unique_ptr<libp2p::Stream> stream, Guest guest) {
  if (!has_place(guest)) co_return Status{};  // Reset as it goes.
  const Place place(*this, guest);
  net::HttpHandler handler = [this](net::HttpRequest request,
                                    std::stop_token stop) -> Task<net::HttpResponse> {
    if (request.path != kWellKnown) return gateway_.handle(std::move(request), std::move(stop));
    return well_known();
  };
  StreamCarrier carrier(*stream);
  auto answering = net::answer_carried(carrier, std::move(handler));
  const Status answered = co_await std::move(answering);
  ACCEL_CO_CHECK(answered);
  co_return co_await stream->close_write();
}

}  // namespace accel::node
